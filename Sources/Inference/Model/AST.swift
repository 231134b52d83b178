/// An Audio Spectrogram Transformer: its sizes, its labels, its weights. It does not change, and several of them, one
/// base with different adapters, share the weights that no adapter touched.
///
/// Gong, Chung, Glass: "AST: Audio Spectrogram Transformer", 2021 (arXiv:2104.01778); numbers as transformers'
/// `ASTForAudioClassification` gives them. An ``Engine`` computes.
///
/// SAFETY: nothing changes after `init`; the tensors' memory is kept alive by `weights`.
public final class AST: @unchecked Sendable {
    public let config: ModelConfig
    /// What the adapter changed; `nil` without one.
    public let merged: MergeReport?
    /// Why it does not multiply as its base does; `nil` where it does.
    public let fallback: PrecisionFallback?

    /// Values on the way through the network that tests compare with the oracle's.
    package enum Stage: String, CaseIterable {
        case embeddings, block0, pooled, logits
    }
    package typealias Probe = (Stage, UnsafeBufferPointer<Float>) -> Void

    private let weights: Weights
    /// How the layers' matrices are multiplied with.
    public var precision: Precision { weights.precision }
    /// Of every layer.
    var attentionKernels: [AttentionKernels] { layers.map(\.attentionKernels) }
    private let patches: PatchEmbedding
    private let layers: [EncoderLayer]
    private let classifier: Classifier

    /// - Throws: ``ModelError``: missing tensors, shapes.
    init(
        _ weights: Weights, _ config: ModelConfig, merged: MergeReport? = nil,
        fallback: PrecisionFallback? = nil
    ) throws(ModelError) {
        let dimensions = config.dimensions
        patches = try PatchEmbedding(weights, dimensions)
        var layers: [EncoderLayer] = []
        for index in 0..<dimensions.layers {
            layers.append(try EncoderLayer(weights, index: index, dimensions))
        }
        self.layers = layers
        classifier = try Classifier(weights, config)
        self.weights = weights
        self.config = config
        self.merged = merged
        self.fallback = fallback
    }

    /// Why the scores are no numbers, when it is the weights' fault. Loading does not look at them: on a slow disk
    /// that would take as long as reading all of the file.
    public func brokenWeights() -> ModelError? { weights.checkpoint.firstBrokenTensor() }

    /// Computes the raw scores of one window; see ``Engine/classify(_:_:logits:)``.
    func forward(
        _ input: UnsafePointer<Float>, logits: UnsafeMutablePointer<Float>, _ space: Workspace,
        _ pool: WorkerPool, _ kernels: Kernels, _ probe: Probe?
    ) {
        func report(_ stage: Stage, _ values: UnsafeMutablePointer<Float>, _ count: Int) {
            probe?(stage, UnsafeBufferPointer(start: values, count: count))
        }
        let all = 0..<config.dimensions.tokens
        let pooledRows = classifier.pooledRows
        func queryRows(_ layer: Int) -> Range<Int> { layer == layers.count - 1 ? pooledRows : all }
        let blockRows = Workspace.blockRows(self, workers: pool.count)
        func eachBlock(of rows: Range<Int>, _ body: (_ worker: Int, _ rows: Range<Int>) -> Void) {
            pool.distribute((rows.count + blockRows - 1) / blockRows) { worker, block in
                let first = rows.lowerBound + block * blockRows
                body(worker, first..<min(first + blockRows, rows.upperBound))
            }
        }
        func project(_ layer: Int, _ worker: Int, _ rows: Range<Int>) {
            layers[layer].project(rows: rows, queryRows: queryRows(layer), space, worker: worker, kernels)
        }

        eachBlock(of: all) { worker, rows in
            space.stopwatch?.start(worker)
            patches.embed(
                input, rows: rows, into: space.tokens, patches: space.wide(worker: worker), kernels)
            space.stopwatch?.lap(.patches, worker)
            if probe == nil { project(0, worker, rows) }
        }
        if probe != nil {
            report(.embeddings, space.tokens, config.dimensions.tokens * config.dimensions.hidden)
            eachBlock(of: all) { worker, rows in project(0, worker, rows) }
        }
        for (index, layer) in layers.enumerated() {
            let wanted = queryRows(index)
            pool.distribute(layer.attentionItems(queryRows: wanted)) { worker, item in
                layer.attend(item: item, queryRows: wanted, space, worker: worker)
            }
            eachBlock(of: wanted) { worker, rows in
                layer.finish(rows: rows, space, worker: worker, kernels)
                if index + 1 < layers.count { project(index + 1, worker, rows) }
            }
            if index == 0 { report(.block0, space.tokens, wanted.count * config.dimensions.hidden) }
        }
        classifier.score(space, pooled: space.pooled, logits: logits, kernels)
        report(.pooled, space.pooled, config.dimensions.hidden)
        report(.logits, logits, config.labels.count)
    }
}
