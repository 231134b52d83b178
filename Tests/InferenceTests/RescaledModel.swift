import TestSupport

/// A copy of a golden model whose fp32 tensors can be changed.
struct RescaledModel {
    let path: String
    private let folder: TestFolder
    private let name: String

    init(copying golden: String, to name: String, in folder: TestFolder) throws {
        path = try folder.copy(Golden.path(golden), to: name)
        self.folder = folder
        self.name = name
    }

    func floats(_ tensor: String) throws -> [Float] {
        try ArrayFile(path: path + "/model.safetensors").floats(tensor)
    }

    /// Replaces every value of a tensor.
    func edit(_ tensor: String, _ change: (_ index: Int, _ value: Float) -> Float) throws {
        let file = path + "/model.safetensors"
        let range = try ArrayFile(path: file).byteRange(tensor)
        var bytes = try TestFolder.bytes(of: file)
        for (index, at) in stride(from: range.lowerBound, to: range.upperBound, by: 4).enumerated() {
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
            let changed = change(index, Float(bitPattern: bits)).bitPattern
            for byte in 0..<4 {
                bytes[at + byte] = UInt8(truncatingIfNeeded: changed >> (8 * UInt32(byte)))
            }
        }
        try folder.write(bytes, to: name + "/model.safetensors")
    }
}
