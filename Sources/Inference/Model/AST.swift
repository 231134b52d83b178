/// An Audio Spectrogram Transformer, ready to classify windows.
///
/// Gong, Chung, Glass: "AST: Audio Spectrogram Transformer", 2021 (arXiv:2104.01778); numbers as transformers'
/// `ASTForAudioClassification` gives them. One window at a time: an instance is not for concurrent calls.
public final class AST {
    public let config: ModelConfig
    /// Threads of the forward pass, the caller's included.
    public var threads: Int { pool.count }
    /// How the weights are stored in the file: `F32`, `F16` or `BF16`.
    public let elementTypeName: String
    /// The instruction set of the element-wise kernels.
    public var kernelName: String { kernels.name }
    /// What the adapter changed; `nil` without one.
    public let merged: MergeReport?

    /// Values on the way through the network that tests compare with the oracle's.
    package enum Stage: String, CaseIterable {
        case embeddings, block0, pooled, logits
    }
    package var probe: ((Stage, UnsafeBufferPointer<Float>) -> Void)?

    private let checkpoint: Checkpoint
    private let patches: PatchEmbedding
    private let layers: [EncoderLayer]
    private let classifier: Classifier
    private let space: Workspace
    private let pool: WorkerPool
    private let kernels = Kernels()

    /// Maps a Hugging Face AST directory and merges an adapter into it.
    ///
    /// - Parameters:
    ///   - directory: Holds `config.json`, `preprocessor_config.json`, `model.safetensors`.
    ///   - adapter: A PEFT LoRA directory, or `nil`.
    ///   - threads: At least 1.
    /// - Throws: ``ModelError``, every case.
    public init(directory: String, adapter: String? = nil, threads: Int) throws(ModelError) {
        Products.prepare()
        let checkpoint = try Checkpoint(path: directory + "/model.safetensors")
        let configPath = directory + "/config.json"
        var fields = try ConfigFile.decode(ConfigFields.self, path: configPath)
        let featuresPath = directory + "/preprocessor_config.json"
        var features = try FeatureSettings(path: featuresPath)
        var merged: MergeReport?
        if let adapter {
            let adapter = try LoRAAdapter(directory: adapter)
            merged = try adapter.merge(into: checkpoint, base: fields)
            if let overlay = adapter.overlay {
                fields = fields.overlaid(by: overlay)
                features.frames = overlay.maxLength ?? features.frames
            } else if adapter.replacesHead {
                // Labels of another head would be lies.
                let classes = checkpoint.shape(of: "classifier.dense.bias")?.first
                if classes != fields.id2label?.count { fields.id2label = nil }
            }
        }
        guard let classes = checkpoint.shape(of: "classifier.dense.weight")?.first, classes > 0 else {
            throw .missingTensor(path: checkpoint.path, tensor: "classifier.dense.weight")
        }
        let config = try ModelConfig(fields, classes: classes, features: features, path: configPath)
        try features.check(fits: config.geometry, path: featuresPath)
        let geometry = config.geometry
        patches = try PatchEmbedding(checkpoint, geometry)
        var layers: [EncoderLayer] = []
        for index in 0..<geometry.layers {
            layers.append(try EncoderLayer(checkpoint, index: index, geometry))
        }
        self.layers = layers
        classifier = try Classifier(checkpoint, classes: classes, config)
        checkpoint.makeReadOnly()
        self.checkpoint = checkpoint
        self.config = config
        self.merged = merged
        elementTypeName = checkpoint.elementTypeName
        pool = WorkerPool(count: max(1, threads))
        space = Workspace(geometry, workers: max(1, threads))
    }

    /// The raw scores of one window.
    ///
    /// - Parameters:
    ///   - features: Normalised log-mel energies, `[frames, mels]`, row-major.
    ///   - logits: Output `[classes]`.
    public func classify(_ features: UnsafeBufferPointer<Float>, logits: UnsafeMutableBufferPointer<Float>) {
        precondition(features.count == config.geometry.frames * config.geometry.melBins)
        precondition(logits.count == config.labels.count)
        guard let input = features.baseAddress, let output = logits.baseAddress else { return }
        let all = 0..<config.geometry.tokens
        let pooledRows = classifier.pooledRows
        func queryRows(_ layer: Int) -> Range<Int> { layer == layers.count - 1 ? pooledRows : all }

        pool.run { worker in
            let rows = pool.share(of: all, worker: worker)
            patches.embed(
                input, rows: rows, into: space.tokens, patches: space.patches(worker: worker), kernels)
            if probe == nil { layers[0].project(space, rows: rows, queryRows: queryRows(0), kernels) }
        }
        if probe != nil {
            report(.embeddings, space.tokens, config.geometry.tokens * config.geometry.hidden)
            layers[0].project(space, rows: all, queryRows: queryRows(0), kernels)
        }
        for (index, layer) in layers.enumerated() {
            let rowsWanted = queryRows(index)
            pool.distribute(layer.attentionItems(queryRows: rowsWanted)) { worker, item in
                layer.attend(space, item: item, queryRows: rowsWanted, worker: worker, kernels)
            }
            let next = index + 1 < layers.count ? layers[index + 1] : nil
            pool.run { worker in
                let rows = pool.share(of: rowsWanted, worker: worker)
                layer.finish(space, rows: rows, worker: worker, kernels)
                next?.project(space, rows: rows, queryRows: queryRows(index + 1), kernels)
            }
            if index == 0 { report(.block0, space.tokens, rowsWanted.count * config.geometry.hidden) }
        }
        classifier.score(space, pooled: space.pooled, logits: output, kernels)
        report(.pooled, space.pooled, config.geometry.hidden)
        report(.logits, output, config.labels.count)
    }

    private func report(_ stage: Stage, _ values: UnsafeMutablePointer<Float>, _ count: Int) {
        probe?(stage, UnsafeBufferPointer(start: values, count: count))
    }
}
