internal import Synchronization

/// A model directory in Hugging Face's format: its mapped weights, and its network without any adapter.
///
/// SAFETY: nothing changes after `init`, which seals the checkpoint.
public final class BaseModel: @unchecked Sendable {
    public let directory: String
    /// The network without an adapter.
    public let network: AST
    let checkpoint: Checkpoint
    private let fields: ConfigFields
    private let features: FeatureSettings
    private let check: PrecisionCheck?
    /// SHA-256 of the weights' file, once an adapter has asked for it.
    let digest = Mutex<String?>(nil)
    private let wholeError = Mutex<Float?>(nil)

    /// What the directory contains and the network does not use, and what it lacks and transformers replaces;
    /// each in one line.
    public let notes: [String]

    private var configPath: String { directory + "/config.json" }
    private var featuresPath: String { directory + "/preprocessor_config.json" }

    /// Maps the weights.
    ///
    /// - Parameters:
    ///   - directory: Holds `config.json`, `preprocessor_config.json`, and `model.safetensors` or an index of
    ///     several files.
    ///   - precision: For int8 and bf16 the layers' matrices are packed, in private memory or mapped from
    ///     `cache`.
    ///   - cache: Keeps packed matrices from one start to the next.
    ///   - checkThreads: For int8, the number of threads with which this network, and each network adapted
    ///     from it, is compared with fp32 (``PrecisionCheck``); a network that differs too much computes in
    ///     fp32. `nil`: no comparison.
    /// - Throws: ``ModelError``, every case.
    public init(
        directory: String, precision: Precision = .fp32, cache: PackedCache? = nil,
        checkThreads: Int? = nil
    ) throws(ModelError) {
        self.directory = directory
        let files = try ModelDirectory(directory)
        var fields = try ConfigFields(try ConfigFile(path: try files.config(ModelDirectory.configName)))
        try ModelConfig.checkKind(fields, path: files.file(ModelDirectory.configName))
        features = try FeatureSettings(path: try files.config(ModelDirectory.featuresName))
        let checkpoint = try Self.weights(files, precision, cache)
        self.checkpoint = checkpoint
        guard let classes = checkpoint.shape(of: "classifier.dense.weight")?.first, classes > 0 else {
            throw checkpoint.missing("classifier.dense.weight")
        }
        var notes = CheckpointNotes(checkpoint, fields, features, files)
        notes.adjustBiases(of: checkpoint, &fields)
        let config = try ModelConfig(
            fields, classes: classes, features: features, path: directory + "/config.json")
        // An adapter may bring another head.
        fields.numLabels = nil
        self.fields = fields
        try features.check(fits: config.dimensions, path: directory + "/preprocessor_config.json")
        let check = checkThreads.flatMap {
            precision == .int8 ? PrecisionCheck(cache, weights: checkpoint.paths, threads: $0) : nil
        }
        self.check = check
        let asked = try AST(Weights(checkpoint), config)
        let cacheProblem = checkpoint.seal().map { "packed weights are packed at every start: \($0)" }
        notes.addUnused(in: checkpoint, config)
        self.notes = notes.lines + (cacheProblem.map { [$0] } ?? [])
        guard let check else {
            network = asked
            return
        }
        let origins = [directory + "/config.json", directory + "/preprocessor_config.json"]
        let comparison = try check.compare(asked, files: origins) { () throws(ModelError) in
            try AST(Weights(checkpoint, precision: .fp32), config)
        }
        network =
            comparison.holds
            ? AST(asked, comparison: comparison)
            : try AST(Weights(checkpoint, precision: .fp32), config, comparison: comparison)
    }

    /// The requested arithmetic of the layers.
    public var precision: Precision { checkpoint.precision }
    /// How the weights are stored in the file: `F32`, `F16` or `BF16`.
    public var elementTypeName: String { checkpoint.elementTypeName }
    /// The files that hold the weights: one, or several shards in the order of their names.
    public var weightsPaths: [String] { checkpoint.paths }

    /// Computes the SHA-256 of the weights: of the file, or of all shards one after another.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``.
    public func weightsDigest() throws(ModelError) -> String {
        var digest = Digest()
        for path in weightsPaths { try digest.add(file: path) }
        return digest.hexadecimal()
    }

    /// Number of the network's parameters.
    public var parameterCount: Int { checkpoint.parameterCount }

    /// Merges an adapter into this model. The new network owns only the tensors that the adapter changes. Any
    /// thread may call this while others compute.
    ///
    /// - Throws: ``ModelError``: the adapter belongs to another model, or merged weights are NaN or infinite.
    public func adapted(by adapter: Adapter) throws(ModelError) -> AST {
        try checkDigest(statedBy: adapter)
        let own = try ownTensors(of: adapter)
        let config = try config(with: adapter, own)
        let network = try adapted(by: adapter, own, config, network.precision)
        guard let check, network.precision == .int8 else { return network }
        let files =
            [configPath, featuresPath, adapter.file.path]
            + ["adapter_config.json", "config.json", "preprocessor_config.json"].map {
                adapter.directory + "/" + $0
            }
        let whole = PrecisionCheck.needsWholeWindows(network)
        var comparison = try check.compare(network, files: files, whole: whole) { () throws(ModelError) in
            try adapted(by: adapter, own, config, .fp32)
        }
        comparison.basePooledError =
            whole ? try errorOnWholeWindows(check) : self.network.comparison?.pooledError
        return comparison.holds
            ? AST(network, comparison: comparison)
            : try adapted(by: adapter, own, config, .fp32, comparison)
    }

    /// The ``PrecisionComparison/pooledError`` of this network on windows of its own length; computed once.
    private func errorOnWholeWindows(_ check: PrecisionCheck) throws(ModelError) -> Float {
        try wholeError.withLock { known throws(ModelError) in
            if let known { return known }
            let comparison = try check.compare(network, files: [configPath, featuresPath], whole: true) {
                () throws(ModelError) in try AST(Weights(checkpoint, precision: .fp32), network.config)
            }
            known = comparison.pooledError
            return comparison.pooledError
        }
    }

    private func adapted(
        by adapter: Adapter, _ own: PETLTensors, _ config: ModelConfig, _ precision: Precision,
        _ comparison: PrecisionComparison? = nil
    ) throws(ModelError) -> AST {
        let merge = try Merge(adapter, own, into: checkpoint, precision: precision)
        do throws(ModelError) {
            var report = merge.report
            report.warnings = warnings(about: adapter, config)
            let network = try AST(merge.weights, config, merged: report, comparison: comparison)
            if precision != .fp32 { merge.releaseLayers() }
            return network
        } catch {
            throw blamed(error, on: adapter)
        }
    }

    /// Rewords errors about the base that the adapter's `config.json` causes: the base alone is valid.
    private func blamed(_ error: ModelError, on adapter: Adapter) -> ModelError {
        let path = adapter.directory + "/config.json"
        switch error {
        case .shape(checkpoint.path, let tensor, let expected, let found) where adapter.overlay != nil:
            return .unsupported(
                path: path, key: "the required shape of \(tensor)", found: "\(expected)",
                wanted: "\(found), the shape in the base, which the adapter does not replace")
        case .missingTensor(checkpoint.path, let tensor) where adapter.overlay != nil:
            return .unsupported(
                path: path, key: tensor, found: "in neither the base nor the adapter",
                wanted: "a network with all its tensors")
        default: return error
        }
    }

    /// The tensors that the adapter adds to the base's.
    private func ownTensors(of adapter: Adapter) throws(ModelError) -> PETLTensors {
        guard let method = adapter.config.petl?.method else { return .none }
        func shapeInFile(_ name: String) -> [Int]? { adapter.whole[name].flatMap(adapter.file.shape(of:)) }
        let path = adapter.file.path
        let fields = adapter.overlay.map(fields.overlaid(by:)) ?? fields
        let dimensions = try ModelDimensions(fields, path: adapter.directory + "/config.json")
        let own = try PETLTensors(method, dimensions, path: path, shapeInFile: shapeInFile)
        try own.check(path: path, shapeInFile: shapeInFile)
        return own
    }

    private func config(with adapter: Adapter, _ own: PETLTensors) throws(ModelError) -> ModelConfig {
        let classes = try classes(with: adapter)
        guard let overlay = adapter.overlay else {
            var fields = fields
            if !keepsLabels(with: adapter) { fields.id2label = nil }
            return try config(fields, classes: classes, adapter, own)
        }
        if let labels = overlay.id2label, labels != fields.id2label, !adapter.replacesHead {
            throw .unsupported(
                path: adapter.file.path, key: "head",
                found: "absent, though config.json beside it has other labels",
                wanted: "classifier.dense in modules_to_save")
        }
        var fields = fields.overlaid(by: overlay)
        if overlay.id2label == nil, !keepsLabels(with: adapter) { fields.id2label = nil }
        return try config(fields, classes: classes, adapter, own)
    }

    private func config(
        _ fields: ConfigFields, classes: Int, _ adapter: Adapter, _ own: PETLTensors
    ) throws(ModelError) -> ModelConfig {
        let path = adapter.overlay == nil ? configPath : adapter.directory + "/config.json"
        var features = adapter.ownFeatures ?? features
        if adapter.ownFeatures == nil { features.frames = adapter.overlay?.maxLength ?? features.frames }
        let config = try ModelConfig(
            fields, classes: classes, features: features, path: path,
            petl: adapter.config.petl.map { ($0, own) })
        try features.check(
            fits: config.dimensions,
            path: adapter.ownFeatures == nil
                ? featuresPath : adapter.directory + "/preprocessor_config.json")
        return config
    }

    /// Rows of the classifier once the adapter is merged.
    private func classes(with adapter: Adapter) throws(ModelError) -> Int {
        guard let name = adapter.whole["classifier.dense.weight"] else { return network.config.labels.count }
        guard let classes = adapter.file.shape(of: name)?.first, classes > 0 else {
            throw .shape(
                path: adapter.file.path, tensor: name, expected: [1, network.config.dimensions.hidden],
                found: adapter.file.shape(of: name) ?? [])
        }
        if classes != network.config.labels.count, adapter.whole["classifier.dense.bias"] == nil {
            throw .missingTensor(path: adapter.file.path, tensor: "classifier.dense.bias")
        }
        return classes
    }

    private static func weights(
        _ files: ModelDirectory, _ precision: Precision, _ cache: PackedCache?
    ) throws(ModelError) -> Checkpoint {
        let path = try files.weights()
        guard precision == .fp32 || QuantizedGEMM(precision) != nil else {
            throw .unsupported(
                path: path, key: "precision", found: precision.rawValue,
                wanted: "fp32 or int8: this processor has no \(precision.rawValue) instructions")
        }
        return try Checkpoint(path: path, precision: precision, cache: cache)
    }
}
