/// What a network is built from: the base's tensors, with those that an adapter changed in their place.
struct Weights {
    let checkpoint: Checkpoint
    /// How the network that is built from it multiplies: as the checkpoint, or in fp32.
    let precision: Precision
    /// By canonical name. Their memory is kept alive by `owners`.
    private var changed: [String: Tensor] = [:]
    private var owners: [AnyObject] = []
    /// The file that errors about changed tensors name.
    private var adapterPath: String?

    /// - Parameter precision: `nil`: the checkpoint's.
    init(_ checkpoint: Checkpoint, precision: Precision? = nil) {
        self.checkpoint = checkpoint
        self.precision = precision ?? checkpoint.precision
    }

    /// For tensors that a file of an adapter, or memory of its own, holds.
    mutating func keep(_ owner: AnyObject, adapterPath path: String) {
        owners.append(owner)
        adapterPath = path
    }

    /// The tensor in narrow numbers; `nil` in fp32.
    func packed(_ name: String, _ shape: [Int]) throws(ModelError) -> PackedMatrix? {
        guard let gemm = QuantizedGEMM(precision) else { return nil }
        guard let tensor = changed[name] else { return try checkpoint.packed(name, shape, gemm) }
        let smoothing = try checkpoint.smoothing(before: name)
        return try PackedMatrix(
            tensor, smoothing, for: adapterPath ?? checkpoint.path, gemm.suited(to: tensor, smoothing))
    }

    /// Whether a layer's queries and keys stay in fp32 in 8 bits; see ``ScoreSpread``.
    ///
    /// - Parameter attention: The module's name with its dot.
    func isAttentionSharp(_ attention: String, heads: Int) throws(ModelError) -> Bool {
        guard precision == .int8 else { return false }
        guard ScoreSpread.tensors(of: attention).contains(where: { changed[$0] != nil }) else {
            return try checkpoint.isAttentionSharp(attention, heads: heads)
        }
        return try ScoreSpread(self, attention, heads: heads).isSharp
    }

    /// What a norm's outputs are divided by; `nil` where nothing is.
    func smoothing(of norm: String) throws(ModelError) -> ActivationSmoothing? {
        precision == .int8 ? try checkpoint.smoothing(of: norm) : nil
    }

    /// The same for the norm before a matrix.
    func smoothing(before matrix: String) throws(ModelError) -> ActivationSmoothing? {
        precision == .int8 ? try checkpoint.smoothing(before: matrix) : nil
    }

    mutating func replace(_ name: String, with tensor: Tensor) { changed[name] = tensor }

    func contains(_ name: String) -> Bool { shape(of: name) != nil }

    func shape(of name: String) -> [Int]? { changed[name]?.shape ?? checkpoint.shape(of: name) }

    /// The tensor with the canonical `name`, which must have `shape`.
    func tensor(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
        guard let found = changed[name] else { return try checkpoint.tensor(name, shape) }
        guard found.shape == shape else {
            throw .shape(
                path: adapterPath ?? checkpoint.path, tensor: name, expected: shape, found: found.shape)
        }
        return found
    }
}
