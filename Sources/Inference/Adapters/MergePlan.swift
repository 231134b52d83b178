/// The changes that an adapter makes to one base. Every tensor is checked against the one that it changes;
/// nothing is computed yet.
struct MergePlan {
    /// The base's weights with the tensors that the adapter replaces.
    private(set) var weights: Weights
    private(set) var changes: [Change] = []
    private(set) var replacedTensors = 0
    /// Bytes of the tensors that the adapter adds to the base's, or that replace them.
    private(set) var tensorBytes = 0
    private let adapter: Adapter
    private let kernels = Kernels()

    private var path: String { adapter.file.path }

    /// The change of one module.
    struct Change {
        let module: String
        let weight: Tensor
        /// `nil` when only the bias changes.
        let change: (any WeightChange)?
        /// Its new bias; `nil` when it does not change.
        let bias: [Float]?
    }

    /// - Throws: ``ModelError``: unmatched, shape, not finite, malformed, unsupported.
    init(
        _ adapter: Adapter, _ own: PETLTensors = .none, for checkpoint: Checkpoint,
        precision: Precision? = nil
    ) throws(ModelError) {
        self.adapter = adapter
        weights = Weights(checkpoint, precision: precision)
        weights.retain(adapter, adapterPath: adapter.file.path)
        for (name, fileName) in adapter.whole.sorted(by: { $0.key < $1.key }) {
            try replace(name, fileName, isOwn: own.shapes[name] != nil)
        }
        try checkSavedModules()
        for module in adapter.modulesInOrder { changes.append(try plan(module)) }
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

    /// - Parameter isOwn: The tensor is one that the adapter adds to the base's.
    private mutating func replace(
        _ name: String, _ fileName: String, isOwn: Bool
    ) throws(ModelError) {
        // A bias of a module without one cannot be used: the base's network would not add it.
        guard isOwn || weights.checkpoint.shape(of: name) != nil, let tensor = adapter.file.tensor(fileName)
        else {
            throw .unmatchedTensor(path: path, tensor: fileName)
        }
        try checkFinite(tensor, fileName)
        weights.replace(name, with: tensor)
        tensorBytes += tensor.count * MemoryLayout<Float>.size
        if !isOwn { replacedTensors += 1 }
    }

    private func plan(_ tensors: ModuleTensors) throws(ModelError) -> Change {
        guard let shape = weights.shape(of: tensors.name + ".weight"), shape.count == 2 || shape.count == 4
        else { throw .unmatchedTensor(path: path, tensor: tensors.example) }
        let weight = try weights.tensor(tensors.name + ".weight", shape)
        let change = try adapter.config.method.change(
            of: AdaptedModule(tensors, in: adapter, weights, weight: weight))
        let name = tensors.name + ".bias"
        let bias = weights.contains(name) ? try weights.tensor(name, [shape[0]]) : nil
        return Change(
            module: tensors.name, weight: weight,
            change: type(of: adapter.config.method).changesWeights ? change : nil, bias: change.bias(bias))
    }

    private func checkFinite(_ tensor: Tensor?, _ name: String) throws(ModelError) {
        guard let tensor, !kernels.allFinite(tensor.pointer, count: tensor.count) else { return }
        throw .notFinite(path: path, tensor: name)
    }
}
