/// The tensors of one network: the base's, with those that an adapter changed in their place.
struct Weights {
    let checkpoint: Checkpoint
    /// Arithmetic of the network: the checkpoint's, or fp32.
    let precision: Precision
    /// By canonical name; `owners` keep their memory alive.
    private var changed: [String: Tensor] = [:]
    private var owners: [AnyObject] = []
    /// The file to name in errors about changed tensors.
    private var adapterPath: String?

    /// - Parameter precision: `nil`: the checkpoint's.
    init(_ checkpoint: Checkpoint, precision: Precision? = nil) {
        self.checkpoint = checkpoint
        self.precision = precision ?? checkpoint.precision
    }

    /// Keeps the owner of changed tensors alive: an adapter's file, or private memory.
    mutating func retain(_ owner: AnyObject, adapterPath path: String) {
        owners.append(owner)
        adapterPath = path
    }

    /// The tensor packed for int8 or bf16; `nil` in fp32.
    func packed(_ name: String, _ shape: [Int]) throws(ModelError) -> PackedMatrix? {
        guard let gemm = QuantizedGEMM(precision) else { return nil }
        guard let tensor = changed[name] else { return try checkpoint.packed(name, shape, gemm) }
        let smoothing = checkpoint.smoothing(ofMatrix: name)
        return try PackedMatrix(
            tensor, smoothing, for: adapterPath ?? checkpoint.path,
            gemm.suited(to: tensor, smoothing.inputs))
    }

    /// Whether a layer's attention scores spread too widely for 8 bits; see ``ScoreSpread``.
    ///
    /// - Parameter attention: The module's name with a trailing dot.
    func isAttentionSharp(_ attention: String, heads: Int) throws(ModelError) -> Bool {
        guard precision == .int8 else { return false }
        guard ScoreSpread.tensors(of: attention).contains(where: { changed[$0] != nil }) else {
            return try checkpoint.isAttentionSharp(attention, heads: heads)
        }
        return try ScoreSpread(self, attention, heads: heads).isSharp
    }

    /// The smoothing of a norm's outputs; `nil` where there is none.
    func smoothing(of norm: String) -> ActivationSmoothing? {
        precision == .int8 ? checkpoint.smoothing(of: norm) : nil
    }

    /// The smoothing of a matrix's inputs and outputs.
    func smoothing(ofMatrix name: String) -> MatrixSmoothing {
        precision == .int8 ? checkpoint.smoothing(ofMatrix: name) : .none
    }

    /// The file to name in errors about the adapter's own tensors.
    var adapterFile: String { adapterPath ?? checkpoint.path }

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
