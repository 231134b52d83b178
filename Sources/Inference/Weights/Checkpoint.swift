/// The tensors of a base model by their canonical names. Once ``seal()``ed it does not change any more, and any
/// thread may read it.
final class Checkpoint {
    let path: String
    private let file: SafetensorsFile
    /// File name of a tensor by its canonical name.
    private var fileNames: [String: String] = [:]
    /// What the base's own network asked for: an adapter may change these and no others.
    private var used: [String: Tensor] = [:]
    private var packed: [String: PackedMatrix] = [:]
    private var isSealed = false
    /// How matrices are multiplied with.
    let precision: Precision

    /// - Throws: ``ModelError``: unreadable, malformed (also: one tensor under both names).
    init(path: String, precision: Precision = .fp32) throws(ModelError) {
        self.precision = precision
        self.path = path
        file = try SafetensorsFile(mapping: path)
        for name in file.names.sorted() {
            let canonical = CheckpointNames.canonical(name)
            guard fileNames.updateValue(name, forKey: canonical) == nil else {
                throw .malformed(
                    path: path, problem: "names tensor \(canonical) in both generations of names")
            }
        }
    }

    var elementTypeName: String { file.elementTypeName }

    func shape(of name: String) -> [Int]? {
        isSealed ? used[name]?.shape : fileNames[name].flatMap(file.shape(of:))
    }

    /// The tensor with the canonical `name`, which must have `shape`.
    func tensor(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
        let known = used[name]
        guard let tensor = known ?? (isSealed ? nil : fileNames[name].flatMap { file.tensor($0) }) else {
            throw .missingTensor(path: path, tensor: name)
        }
        guard tensor.shape == shape else {
            throw .shape(path: path, tensor: name, expected: shape, found: tensor.shape)
        }
        if known == nil { used[name] = tensor }
        return tensor
    }

    /// The tensor in narrow numbers.
    func packed(
        _ name: String, _ shape: [Int], _ products: NarrowProducts
    ) throws(ModelError) -> PackedMatrix {
        if let known = packed[name] { return known }
        let matrix = try PackedMatrix(try tensor(name, shape), for: path, products)
        if !isSealed { packed[name] = matrix }
        return matrix
    }

    /// The base's network is complete: from here on nothing is converted or looked up anew.
    func seal() {
        isSealed = true
        // What was packed is not read again, but for merging: the file's pages need not stay.
        if !packed.isEmpty { file.forgetPages() }
    }

    /// Canonical names of what the base's network is made of.
    var names: some Sequence<String> { used.keys }

    /// The base's first tensor with values that are no numbers. Reads all of them.
    func firstBrokenTensor() -> ModelError? {
        let kernels = Kernels()
        let broken = used.filter { !kernels.allFinite($0.value.pointer, count: $0.value.count) }.keys.min()
        return broken.map { .notFinite(path: path, tensor: $0) }
    }

    /// Parameters of the base's network.
    var parameterCount: Int { used.values.reduce(0) { $0 + $1.count } }
}
