import TestSupport

/// The tensors of an adapter's file, to write changed ones.
struct AdapterEdit {
    private(set) var tensors: [String: (shape: [Int], values: [Float])] = [:]

    static let file = "adapter_model.safetensors"

    init(reading directory: String) throws {
        let file = try ArrayFile(path: directory + "/" + Self.file)
        for name in file.names { tensors[name] = (try file.shape(name), try file.floats(name)) }
    }

    /// Renames every tensor.
    mutating func rename(_ new: (String) -> String) {
        tensors = Dictionary(uniqueKeysWithValues: tensors.map { (new($0.key), $0.value) })
    }

    mutating func set(_ name: String, _ shape: [Int], _ values: [Float]) { tensors[name] = (shape, values) }

    mutating func remove(_ name: String) { tensors[name] = nil }

    mutating func change(_ name: String, _ edit: (inout [Float]) -> Void) {
        if var tensor = tensors[name] {
            edit(&tensor.values)
            tensors[name] = tensor
        }
    }

    /// Writes all tensors as F32 into `directory`, a folder of `folder`.
    func write(to directory: String, in folder: TestFolder) throws {
        var members: [String] = []
        var data: [UInt8] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let begin = data.count
            for value in tensor.values { withUnsafeBytes(of: value.bitPattern.littleEndian) { data += $0 } }
            members.append(
                #""\#(name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(begin),\#(data.count)]}"#
            )
        }
        let header = Array("{\(members.joined(separator: ","))}".utf8)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
        try folder.write(length + header + data, to: "\(directory)/\(Self.file)")
    }
}
