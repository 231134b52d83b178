import TestSupport

@testable import Inference

/// The tensors of a model, to be renamed, removed and written again as a safetensors file of F32.
struct TensorFile {
    var tensors: [String: (shape: [Int], values: [Float])] = [:]

    init() {}

    /// - Parameter model: The name of a model of `Tests/Golden`.
    init(model: String) throws {
        let file = try ArrayFile(golden: "models/\(model)/model.safetensors")
        for name in file.names { tensors[name] = (try file.shape(name), try file.floats(name)) }
    }

    func renamed(_ rename: (String) -> String) -> TensorFile {
        var file = TensorFile()
        for (name, tensor) in tensors { file.tensors[rename(name)] = tensor }
        return file
    }

    func filtered(_ isKept: (String) -> Bool) -> TensorFile {
        var file = self
        file.tensors = tensors.filter { isKept($0.key) }
        return file
    }

    /// Bytes of the tensors, as `total_size` of an index counts them.
    var byteCount: Int { tensors.values.reduce(0) { $0 + 4 * $1.values.count } }

    /// - Parameter more: Entries of the header after the others, with no bytes of data.
    func bytes(more: String = "") -> [UInt8] {
        var entries: [String] = []
        var values: [Float] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let end = values.count + tensor.values.count
            entries.append(
                #""\#(name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(4 * values.count),\#(4 * end)]}"#
            )
            values += tensor.values
        }
        return SafetensorsTests.file("{\(entries.joined(separator: ","))\(more)}", values)
    }
}

/// A copy of a model of `Tests/Golden` whose files a test replaces.
struct EditedModel {
    let folder: TestFolder
    let path: String

    init(_ name: String = "stride10") throws {
        folder = try TestFolder()
        path = try folder.copy(Golden.path("models/\(name)"), to: "model")
    }

    func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
        try? folder.remove("model/\(name)")
        try folder.write(bytes, to: "model/\(name)")
    }

    func remove(_ name: String) throws { try folder.remove("model/\(name)") }

    /// Logits of a seeded window, of the model or of one of `Tests/Golden`.
    static func logits(_ directory: String) throws -> [Float] {
        let network = try TestNetwork(directory: directory, threads: 1)
        var random = SeededGenerator(seed: 17)
        let dimensions = network.config.dimensions
        return ForwardPass.logits(network, random.floats(dimensions.frames * dimensions.melBins))
    }

    func logits() throws -> [Float] { try Self.logits(path) }

    var error: String? { loadingError(path)?.description }

    func notes() throws -> [String] { try BaseModel(directory: path).notes }
}
