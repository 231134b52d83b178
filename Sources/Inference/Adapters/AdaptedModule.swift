/// A module of the base, and an adapter's tensors for it.
struct AdaptedModule {
    let tensors: ModuleTensors
    let adapter: Adapter
    /// The base, with the tensors that the adapter replaces.
    let base: Weights
    /// The module's weight, `[outputs, inputs]`, or `[outputs, channels, side, side]` of the patch
    /// convolution.
    let weight: Tensor

    private let kernels = Kernels()

    init(_ tensors: ModuleTensors, in adapter: Adapter, _ base: Weights, weight: Tensor) {
        self.tensors = tensors
        self.adapter = adapter
        self.base = base
        self.weight = weight
    }

    var name: String { tensors.name }
    /// As the adapter names it.
    var path: String { tensors.path }
    var outputs: Int { weight.rows }
    /// Of a convolution: channels x kernel.
    var inputs: Int { weight.rowWidth }
    var isConvolution: Bool { weight.shape.count == 4 }

    func has(_ parameter: String) -> Bool { tensors.names[parameter] != nil }

    /// - Throws: ``ModelError/missingTensor(path:tensor:)``.
    func shape(of parameter: String) throws(ModelError) -> [Int] {
        guard let shape = shapeIfPresent(parameter) else {
            throw .missingTensor(path: adapter.file.path, tensor: "\(path).\(parameter)")
        }
        return shape
    }

    func shapeIfPresent(_ parameter: String) -> [Int]? {
        tensors.names[parameter].flatMap { adapter.file.shape(of: $0) }
    }

    /// The tensor called `parameter`, which must have `shape` and be finite.
    func tensor(_ parameter: String, _ shape: [Int]) throws(ModelError) -> Tensor {
        let found = try self.shape(of: parameter)
        guard let name = tensors.names[parameter], let tensor = adapter.file.tensor(name) else {
            throw .missingTensor(path: adapter.file.path, tensor: "\(path).\(parameter)")
        }
        guard found == shape else {
            throw .shape(path: adapter.file.path, tensor: name, expected: shape, found: found)
        }
        guard kernels.allFinite(tensor.pointer, count: tensor.count) else {
            throw .notFinite(path: adapter.file.path, tensor: name)
        }
        return tensor
    }

    /// A tensor that all modules share.
    func sharedTensor(_ parameter: String, _ shape: [Int]) throws(ModelError) -> Tensor {
        guard let shared = adapter.shared else {
            throw .missingTensor(path: adapter.file.path, tensor: parameter)
        }
        return try AdaptedModule(shared, in: adapter, base, weight: weight).tensor(parameter, shape)
    }

    /// The integers called `parameter`, which must have `shape` and be at least 0 and less than `limit`.
    func integers(
        _ parameter: String, _ shape: [Int], below limit: Int
    ) throws(ModelError) -> [Int] {
        let found = try self.shape(of: parameter)
        let name = tensors.names[parameter] ?? parameter
        guard found == shape else {
            throw .shape(path: adapter.file.path, tensor: name, expected: shape, found: found)
        }
        guard let values = adapter.file.integers(name), values.allSatisfy({ (0..<limit).contains($0) }) else {
            throw .malformed(
                path: adapter.file.path, problem: "\(name) has an element that is not an index below \(limit)"
            )
        }
        return values
    }

    /// Rejects a convolution, where PEFT has no such method.
    func requireLinear(_ method: String) throws(ModelError) {
        guard isConvolution else { return }
        throw .unsupported(
            path: adapter.file.path, key: "\(method) of \(path)", found: "on a convolution",
            wanted: "linear modules, as in PEFT")
    }

    /// The same for a tensor that may be absent.
    func tensorIfPresent(_ parameter: String, _ shape: [Int]) throws(ModelError) -> Tensor? {
        has(parameter) ? try tensor(parameter, shape) : nil
    }

    /// Rejects a value of `adapter_config.json` that differs from what the tensors state, as PEFT does.
    func check(_ key: String, _ stated: Int?, isThatOf parameter: String, _ found: Int) throws(ModelError) {
        guard let stated, stated != found else { return }
        throw contradiction(
            key, found: "\(stated)",
            wanted: "\(found), that of \(tensors.names[parameter] ?? parameter) in \(Adapter.weightsName)")
    }

    /// The error about a value of `adapter_config.json` that contradicts the module's tensors.
    func contradiction(_ key: String, found: String, wanted: String) -> ModelError {
        .unsupported(path: adapter.config.path, key: "\(key) of \(path)", found: found, wanted: wanted)
    }
}
