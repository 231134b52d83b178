/// The tensors of a base model by their canonical names. After ``seal()`` it is immutable, and any thread may
/// read it.
final class Checkpoint {
    private let files: WeightFiles
    /// Names in the files by canonical name.
    private var fileNames: [String: String] = [:]
    /// Canonical names that ``ignore(where:)`` hides.
    private var ignored: Set<String> = []
    /// The tensors of the base's own network; an adapter may change only these.
    private var used: [String: Tensor] = [:]
    private var packed: [(name: String, matrix: PackedMatrix)] = []
    /// By the name of the module that produces the activations.
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

    /// - Parameter path: A safetensors file, or the index of several.
    /// - Throws: ``ModelError``: unreadable; malformed, also when a tensor is present under two names.
    init(path: String, precision: Precision = .fp32, cache: PackedCache? = nil) throws(ModelError) {
        self.precision = precision
        self.cache = cache
        files = try WeightFiles(path: path)
        for name in files.names.sorted() {
            let canonical = CheckpointNames.canonical(name)
            if let other = fileNames.updateValue(name, forKey: canonical) {
                throw .malformed(
                    path: path,
                    problem: "contains tensor \(canonical) twice, as \(other) and as \(name) "
                        + "(names of transformers 4 and 5, or with and without the prefix of a wrapper)")
            }
        }
        cached = QuantizedGEMM(precision).flatMap { cache?.file(for: files.paths, $0) }
    }

    /// The safetensors file, or the index of several.
    var path: String { files.path }
    /// The files that hold the tensors.
    var paths: [String] { files.paths }
    var elementTypeName: String { files.elementTypeName }

    /// Makes tensors invisible to the network that is to be built.
    func ignore(where isIgnored: (_ canonical: String) -> Bool) {
        for name in fileNames.keys where isIgnored(name) { ignored.insert(name) }
    }

    func contains(where isWanted: (_ canonical: String) -> Bool) -> Bool {
        isSealed ? used.keys.contains(where: isWanted) : fileNames.keys.contains(where: isWanted)
    }

    /// Names in the files of all tensors that the base's network does not have, by canonical name. Call
    /// it when the network is complete.
    var unused: [String: String] { fileNames.filter { used[$0.key] == nil } }

    /// Names in the files, for messages about their form.
    var namesInFiles: some Collection<String> { fileNames.values }

    func shape(of name: String) -> [Int]? {
        if isSealed { return used[name]?.shape }
        guard !ignored.contains(name), let fileName = fileNames[name] else { return nil }
        return files.file(of: fileName)?.shape(of: fileName)
    }

    /// The tensor with the canonical `name`, which must have `shape`.
    func tensor(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
        if let known = used[name] {
            guard known.shape == shape else {
                throw .shape(path: path, tensor: name, expected: shape, found: known.shape)
            }
            return known
        }
        guard !isSealed, !ignored.contains(name), let fileName = fileNames[name],
            let file = files.file(of: fileName)
        else { throw missing(name) }
        if let error = file.unreadableType(of: fileName) { throw error }
        guard let tensor = file.tensor(fileName) else { throw missing(name) }
        guard tensor.shape == shape else {
            throw .shape(path: file.path, tensor: name, expected: shape, found: tensor.shape)
        }
        used[name] = tensor
        return tensor
    }

    /// The error about a tensor that the network needs and no file has, with the reason where the names
    /// of the others tell it.
    func missing(_ name: String) -> ModelError {
        let names = fileNames.values
        func isThere(_ prefix: String) -> Bool { fileNames.keys.contains { $0.hasPrefix(prefix) } }
        if isSealed { return .missingTensor(path: path, tensor: name) }
        if CheckpointNames.areOriginal(names) {
            return .foreign(
                path: path, found: "a checkpoint of the original AST", wanted: "one of transformers",
                remedy: "convert its .pth with tools/import_ast_pth.py")
        }
        if let prefix = CheckpointNames.foreignPrefix(of: names) {
            return .unsupported(
                path: path, key: "the prefix of the tensors' names", found: prefix,
                wanted: "names without it: save the module that has this name, or rename the tensors")
        }
        if name.hasPrefix("classifier."), !isThere("classifier."), isThere(CheckpointNames.backbone) {
            return .unsupported(
                path: path, key: "classifier", found: "absent (no \(name))",
                wanted: "a model with a head, which transformers calls ASTForAudioClassification")
        }
        if let layer = CheckpointNames.layerIndex(name), !isThere(CheckpointNames.layer(layer)) {
            return .unsupported(
                path: path, key: "number of layers", found: "\(layer) (no encoder.layer.\(layer))",
                wanted: "num_hidden_layers of config.json, which is more")
        }
        return .missingTensor(path: path, tensor: name)
    }

    /// The tensor packed for int8 or bf16, from the cache where possible.
    func packed(
        _ name: String, _ shape: [Int], _ gemm: QuantizedGEMM
    ) throws(ModelError) -> PackedMatrix {
        if let known = packed.first(where: { $0.name == name }) { return known.matrix }
        let tensor = try tensor(name, shape)
        let smoothing = smoothing(ofMatrix: name)
        let matrix: PackedMatrix
        if let found = cached?.matrix(
            name, outputs: tensor.rows, inputs: tensor.rowWidth, smoothing: smoothing.fingerprint)
        {
            matrix = found
        } else {
            matrix = try PackedMatrix(
                tensor, smoothing, for: path, gemm.suited(to: tensor, smoothing.inputs))
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

    /// The smoothing of a layer's matrix, in 8 bits.
    ///
    /// - Parameter name: Its tensor, `....weight`.
    func smoothing(ofMatrix name: String) -> MatrixSmoothing {
        let module = String(name.dropLast(".weight".count))
        return MatrixSmoothing(
            inputs: CheckpointNames.producer(before: module).flatMap { smoothing(of: $0) },
            outputs: smoothing(of: module))
    }

    /// The smoothing of a module's outputs, in 8 bits; `nil` where they are not smoothed. It depends on the
    /// base only, also when an adapter changes a tensor that it was computed from, so that packed matrices
    /// that the adapter leaves alone stay valid.
    func smoothing(of module: String) -> ActivationSmoothing? {
        guard precision == .int8, CheckpointNames.isInLayer(module) else { return nil }
        if let known = smoothings[module] { return known }
        guard !isSealed else { return nil }
        let found: ActivationSmoothing?
        if let stored = cached?.smoothing(of: module) {
            found = stored
        } else {
            found = LayerSmoothing(self).smoothing(of: module)
            if found != nil { isCacheComplete = false }
        }
        smoothings[module] = found
        return found
    }

    /// Call it when the base's network is complete: nothing is converted or looked up afterwards.
    ///
    /// - Returns: Why the packed matrices could not be cached; `nil` when they were, or need not be.
    func seal() -> String? {
        isSealed = true
        cached = nil
        var problem: String?
        if !isCacheComplete, let gemm = QuantizedGEMM(precision) {
            let sharp = sharpAttention.filter(\.value).keys.sorted()
            problem = cache?.write(
                PackedFile.Content(
                    matrices: packed, smoothings: smoothings.sorted { $0.key < $1.key },
                    sharpAttention: sharp), for: files.paths, gemm)
        }
        // The fp32 values of packed matrices are read again only for merging, so their pages need not stay in
        // memory.
        if !packed.isEmpty { files.dropPages() }
        return problem
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
