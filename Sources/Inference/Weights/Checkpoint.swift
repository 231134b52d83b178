/// The tensors of a base model by their canonical names. After ``seal()`` it is immutable, and any thread may
/// read it.
final class Checkpoint {
    let path: String
    private let file: SafetensorsFile
    /// Names in the file by canonical name.
    private var fileNames: [String: String] = [:]
    /// The tensors of the base's own network; an adapter may change only these.
    private var used: [String: Tensor] = [:]
    private var packed: [(name: String, matrix: PackedMatrix)] = []
    /// By the name of the norm.
    private var smoothings: [String: ActivationSmoothing] = [:]
    /// By the name of the attention module: whether its scores spread too widely for 8 bits
    /// (``ScoreSpread``).
    private var sharpAttention: [String: Bool] = [:]
    private let cache: PackedCache?
    private var cached: PackedFile?
    private var isCacheComplete = true
    private var isSealed = false
    /// Arithmetic of the layers.
    let precision: Precision

    /// - Throws: ``ModelError``: unreadable; malformed, also when a tensor is present under both of its
    ///   names.
    init(path: String, precision: Precision = .fp32, cache: PackedCache? = nil) throws(ModelError) {
        self.precision = precision
        self.path = path
        self.cache = cache
        file = try SafetensorsFile(mapping: path)
        for name in file.names.sorted() {
            let canonical = CheckpointNames.canonical(name)
            guard fileNames.updateValue(name, forKey: canonical) == nil else {
                throw .malformed(
                    path: path,
                    problem: "contains tensor \(canonical) under the names of transformers 4 and 5")
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

    /// The tensor packed for int8 or bf16, from the cache where possible.
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

    /// Whether a layer's attention scores spread too widely for 8 bits, so that its queries, keys and
    /// attention are computed in fp32; see ``ScoreSpread``.
    ///
    /// - Parameter attention: The module's name with a trailing dot.
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

    /// The smoothing of the norm before a matrix, in 8 bits; `nil` where no norm is before it.
    func smoothing(before matrix: String) throws(ModelError) -> ActivationSmoothing? {
        guard let norm = CheckpointNames.norm(before: matrix) else { return nil }
        return try smoothing(of: norm)
    }

    /// The smoothing of a norm. It depends on the base only, also when an adapter changes the norm, so that
    /// packed matrices that the adapter leaves alone stay valid.
    func smoothing(of norm: String) throws(ModelError) -> ActivationSmoothing? {
        guard precision == .int8, CheckpointNames.isInLayer(norm) else { return nil }
        if let known = smoothings[norm] { return known }
        guard let shape = shape(of: norm + ".weight") else { return nil }
        let made = ActivationSmoothing(
            gain: try tensor(norm + ".weight", shape), bias: try tensor(norm + ".bias", shape))
        if !isSealed { smoothings[norm] = made }
        return made
    }

    /// Call it when the base's network is complete: nothing is converted or looked up afterwards.
    func seal() {
        isSealed = true
        cached = nil
        if !isCacheComplete, let gemm = QuantizedGEMM(precision) {
            let sharp = sharpAttention.filter(\.value).keys.sorted()
            cache?.write(packed, sharpAttention: sharp, for: path, gemm)
        }
        // The fp32 values of packed matrices are read again only for merging, so their pages need not stay in
        // memory.
        if !packed.isEmpty { file.dropPages() }
    }

    /// Canonical names of the tensors of the base's network.
    var names: some Sequence<String> { used.keys }

    /// The base's first tensor with NaN or infinite values. Reads all tensors.
    func firstBrokenTensor() -> ModelError? {
        let kernels = Kernels()
        let broken = used.filter { !kernels.allFinite($0.value.pointer, count: $0.value.count) }.keys.min()
        return broken.map { .notFinite(path: path, tensor: $0) }
    }

    /// Number of parameters of the base's network.
    var parameterCount: Int { used.values.reduce(0) { $0 + $1.count } }
}
