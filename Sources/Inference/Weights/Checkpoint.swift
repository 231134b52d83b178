/// The tensors of a base model by their canonical names. Once ``seal()``ed it does not change any more, and any
/// thread may read it.
final class Checkpoint {
    let path: String
    private let file: SafetensorsFile
    /// File name of a tensor by its canonical name.
    private var fileNames: [String: String] = [:]
    /// What the base's own network asked for: an adapter may change these and no others.
    private var used: [String: Tensor] = [:]
    private var packed: [(name: String, matrix: PackedMatrix)] = []
    /// By the norm's name.
    private var smoothings: [String: ActivationSmoothing] = [:]
    /// By the attention's name: whether its queries and keys stay in fp32.
    private var sharpAttention: [String: Bool] = [:]
    private let cache: PackedCache?
    private var cached: PackedFile?
    private var isCacheComplete = true
    private var isSealed = false
    /// How matrices are multiplied with.
    let precision: Precision

    /// - Throws: ``ModelError``: unreadable, malformed (also: one tensor under both names).
    init(path: String, precision: Precision = .fp32, cache: PackedCache? = nil) throws(ModelError) {
        self.precision = precision
        self.path = path
        self.cache = cache
        file = try SafetensorsFile(mapping: path)
        for name in file.names.sorted() {
            let canonical = CheckpointNames.canonical(name)
            guard fileNames.updateValue(name, forKey: canonical) == nil else {
                throw .malformed(
                    path: path, problem: "names tensor \(canonical) in both generations of names")
            }
        }
        cached = QuantizedGEMM(precision).flatMap { cache?.file(for: path, $0) }
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
        _ name: String, _ shape: [Int], _ gemm: QuantizedGEMM
    ) throws(ModelError) -> PackedMatrix {
        if let known = packed.first(where: { $0.name == name }) { return known.matrix }
        let tensor = try tensor(name, shape)
        let smoothing = try smoothing(before: name)
        let matrix: PackedMatrix
        if let found = cached?.matrix(
            name, outputs: tensor.rows, inputs: tensor.rowWidth, smoothing: smoothing?.fingerprint)
        {
            matrix = found
        } else {
            matrix = try PackedMatrix(tensor, smoothing, for: path, gemm.suited(to: tensor, smoothing))
            isCacheComplete = false
        }
        if !isSealed { packed.append((name, matrix)) }
        return matrix
    }

    /// Whether a layer's queries and keys stay in fp32 in 8 bits; see ``ScoreSpread``.
    ///
    /// - Parameter attention: The module's name with its dot.
    func isAttentionSharp(_ attention: String, heads: Int) throws(ModelError) -> Bool {
        guard precision == .int8 else { return false }
        if let known = sharpAttention[attention] ?? cached?.isAttentionSharp(attention) {
            sharpAttention[attention] = known
            return known
        }
        let isSharp = try ScoreSpread(Weights(self), attention, heads: heads).isSharp
        if !isSealed { sharpAttention[attention] = isSharp }
        return isSharp
    }

    /// How the outputs of the norm before a matrix are balanced, in 8 bits; `nil` where no norm is before it.
    func smoothing(before matrix: String) throws(ModelError) -> ActivationSmoothing? {
        guard let norm = CheckpointNames.norm(before: matrix) else { return nil }
        return try smoothing(of: norm)
    }

    /// An adapter that changes the norm changes nothing here: matrices that it left alone stay as they are packed.
    func smoothing(of norm: String) throws(ModelError) -> ActivationSmoothing? {
        guard precision == .int8, CheckpointNames.isInLayer(norm) else { return nil }
        if let known = smoothings[norm] { return known }
        guard let shape = shape(of: norm + ".weight") else { return nil }
        let made = ActivationSmoothing(
            gain: try tensor(norm + ".weight", shape), bias: try tensor(norm + ".bias", shape))
        if !isSealed { smoothings[norm] = made }
        return made
    }

    /// The base's network is complete: from here on nothing is converted or looked up anew.
    func seal() {
        isSealed = true
        cached = nil
        if !isCacheComplete, let gemm = QuantizedGEMM(precision) {
            let sharp = sharpAttention.filter(\.value).keys.sorted()
            cache?.write(packed, sharpAttention: sharp, for: path, gemm)
        }
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
