/// What a network is built from: the base's tensors, with those that an adapter changed in their place.
struct Weights {
    let checkpoint: Checkpoint
    /// By canonical name. Their memory is kept alive by `owners`.
    private var changed: [String: Tensor] = [:]
    private var owners: [AnyObject] = []
    /// The file that errors about changed tensors name.
    private var adapterPath: String?

    init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

    /// For tensors that a file of an adapter, or memory of its own, holds.
    mutating func keep(_ owner: AnyObject, adapterPath path: String) {
        owners.append(owner)
        adapterPath = path
    }

    /// The tensor in narrow numbers; `nil` in fp32.
    func packed(_ name: String, _ shape: [Int]) throws(ModelError) -> PackedMatrix? {
        guard let products = NarrowProducts(checkpoint.precision) else { return nil }
        guard let tensor = changed[name] else { return try checkpoint.packed(name, shape, products) }
        return try PackedMatrix(
            tensor, try checkpoint.balance(before: name), for: adapterPath ?? checkpoint.path, products)
    }

    /// What a norm's outputs are divided by; `nil` where nothing is.
    func balance(of norm: String) throws(ModelError) -> ChannelBalance? { try checkpoint.balance(of: norm) }

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
