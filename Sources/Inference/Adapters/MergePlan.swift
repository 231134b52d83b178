/// The changes that an adapter makes to one base. Every tensor is checked against the one that it changes;
/// nothing is computed yet.
struct MergePlan {
    /// The base's weights with the tensors that the adapter replaces.
    private(set) var weights: Weights
    private(set) var deltas: [Delta] = []
    private(set) var replacedTensors = 0
    private let adapter: LoRAAdapter
    private let kernels = Kernels()

    private var path: String { adapter.file.path }

    /// The delta of one module.
    struct Delta {
        let module: String
        let weight: Tensor
        let a: Tensor
        let b: Tensor
        /// DoRA's row lengths.
        let magnitude: Tensor?
        /// What is added to the module's bias, before scaling.
        let bias: Tensor?
        let scale: Float

        var rows: Int { weight.rows }
        var rank: Int { a.rows }
    }

    /// - Throws: ``ModelError``: unmatched, shape, not finite, malformed, unsupported.
    init(
        _ adapter: LoRAAdapter, for checkpoint: Checkpoint, precision: Precision? = nil
    ) throws(ModelError) {
        self.adapter = adapter
        weights = Weights(checkpoint, precision: precision)
        weights.retain(adapter, adapterPath: adapter.file.path)
        for (name, fileName) in adapter.whole.sorted(by: { $0.key < $1.key }) {
            try replace(name, fileName)
        }
        try checkSavedModules()
        for (module, delta) in adapter.deltas.sorted(by: { $0.key < $1.key }) {
            deltas.append(try plan(delta, for: module))
        }
    }

    /// Checks that the file contains the modules of `modules_to_save`. Names that the base does not have are
    /// ignored.
    private func checkSavedModules() throws(ModelError) {
        for module in adapter.config.modulesToSave {
            let part = "." + CheckpointNames.canonical(module) + "."
            func belongs(_ name: String) -> Bool { ("." + name).contains(part) }
            guard weights.checkpoint.names.contains(where: belongs) else { continue }
            guard adapter.whole.keys.contains(where: belongs) else {
                throw .unsupported(
                    path: path, key: "\(module), which modules_to_save names,", found: "absent",
                    wanted: "its weights (save the adapter again)")
            }
        }
    }

    private mutating func replace(_ name: String, _ fileName: String) throws(ModelError) {
        // A bias of a module without one cannot be used: the base's network would not add it.
        guard weights.checkpoint.shape(of: name) != nil, let tensor = adapter.file.tensor(fileName) else {
            throw .unmatchedTensor(path: path, tensor: fileName)
        }
        try checkFinite(tensor, fileName)
        weights.replace(name, with: tensor)
        replacedTensors += 1
    }

    private func plan(_ delta: ModuleDelta, for module: String) throws(ModelError) -> Delta {
        guard let aName = delta.a, let bName = delta.b, let a = adapter.file.tensor(aName),
            let b = adapter.file.tensor(bName)
        else { throw .malformed(path: path, problem: "contains only one of the two factors of \(module)") }
        guard let shape = weights.shape(of: module + ".weight"), shape.count == 2 || shape.count == 4 else {
            throw .unmatchedTensor(path: path, tensor: aName)
        }
        let rank = a.shape.first ?? 0
        // A convolution's B is a convolution of side 1.
        let ones = Array(repeating: 1, count: shape.count - 2)
        try check(a, aName, is: [max(1, rank)] + shape.dropFirst())
        try check(b, bName, is: [shape[0], rank] + ones)
        let magnitude = delta.magnitude.flatMap { adapter.file.tensor($0) }
        if let magnitude, let name = delta.magnitude {
            try check(magnitude, name, is: shape.count == 2 ? [shape[0]] : [1, shape[0], 1, 1])
        }
        let bias = delta.bias.flatMap { adapter.file.tensor($0) }
        if let bias, let name = delta.bias { try check(bias, name, is: [shape[0]]) }
        for name in [aName, bName, delta.magnitude, delta.bias].compactMap(\.self) {
            try checkFinite(adapter.file.tensor(name), name)
        }
        return Delta(
            module: module, weight: try weights.tensor(module + ".weight", shape), a: a, b: b,
            magnitude: magnitude, bias: bias,
            scale: try adapter.config.scale(module: delta.module, rank: rank))
    }

    private func check(_ tensor: Tensor, _ name: String, is shape: [Int]) throws(ModelError) {
        guard tensor.shape == shape else {
            throw .shape(path: path, tensor: name, expected: shape, found: tensor.shape)
        }
    }

    private func checkFinite(_ tensor: Tensor?, _ name: String) throws(ModelError) {
        guard let tensor, !kernels.allFinite(tensor.pointer, count: tensor.count) else { return }
        throw .notFinite(path: path, tensor: name)
    }
}
