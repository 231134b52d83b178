/// The tensors of a base model, by their canonical names, with those an adapter replaces put in their place.
final class Checkpoint {
    let path: String
    private let base: SafetensorsFile
    /// File name of a tensor by its canonical name.
    private var fileNames: [String: String] = [:]
    private var replacements: [String: Tensor] = [:]
    /// Keeps the memory behind `replacements` alive.
    private var adapters: [SafetensorsFile] = []

    /// - Throws: ``ModelError``: unreadable, malformed (also: one tensor under both names).
    init(path: String) throws(ModelError) {
        self.path = path
        base = try SafetensorsFile(path: path)
        for name in base.names {
            guard fileNames.updateValue(name, forKey: CheckpointNames.canonical(name)) == nil else {
                throw .malformed(path: path, problem: "names tensor \(name) in both generations of names")
            }
        }
    }

    var elementTypeName: String { base.elementTypeName }

    func shape(of name: String) -> [Int]? {
        replacements[name]?.shape ?? fileNames[name].flatMap(base.shape(of:))
    }

    /// The tensor with the canonical `name`, which must have `shape`.
    func tensor(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
        let found = replacements[name] ?? fileNames[name].flatMap { base.tensor($0) }
        guard let found else { throw .missingTensor(path: path, tensor: name) }
        guard found.shape == shape else {
            throw .shape(path: path, tensor: name, expected: shape, found: found.shape)
        }
        return found
    }

    /// From now on `name` is `tensor`, which lives in `file`.
    func replace(_ name: String, with tensor: Tensor, from file: SafetensorsFile) {
        replacements[name] = tensor
        if !adapters.contains(where: { $0 === file }) { adapters.append(file) }
    }

    func makeReadOnly() { base.makeReadOnly() }
}
