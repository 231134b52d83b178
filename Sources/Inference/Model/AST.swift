/// An Audio Spectrogram Transformer: its dimensions, labels and weights. It is immutable. Networks made of
/// one base with different adapters share the weights that no adapter changes.
///
/// Gong, Chung, Glass: "AST: Audio Spectrogram Transformer", 2021 (arXiv:2104.01778); the scores are those of
/// transformers' `ASTForAudioClassification`. An ``Engine`` computes them.
///
/// SAFETY: nothing changes after `init`; the tensors' memory is kept alive by `weights`.
public final class AST: @unchecked Sendable {
    public let config: ModelConfig
    /// The adapter's changes; `nil` without an adapter.
    public let merged: MergeReport?
    /// How far int8 differs from fp32, where that was checked.
    public let comparison: PrecisionComparison?
    /// Why it computes in fp32 although int8 was requested; `nil` when it does not.
    public var fallback: PrecisionFallback? {
        comparison.flatMap { $0.holds ? nil : PrecisionFallback(comparison: $0) }
    }

    /// Intermediate values that tests compare with those of transformers.
    package enum Stage: String, CaseIterable {
        case embeddings, block0, pooled, logits
    }
    package typealias Probe = (Stage, UnsafeBufferPointer<Float>) -> Void

    private let weights: Weights
    /// Arithmetic of the layers.
    public var precision: Precision { weights.precision }
    /// The attention kernels of every layer.
    var attentionKernels: [AttentionKernels] { layers.map(\.attentionKernels) }
    /// The adapter's modules in the layers.
    var adapterModules: [AdapterModule] {
        layers.flatMap { [$0.attentionAdapter, $0.mlpAdapter].compactMap { $0?.module } }
    }
    private let patches: PatchEmbedding
    private let prompts: Prompts?
    private let layers: [EncoderLayer]
    private let classifier: Classifier

    /// - Throws: ``ModelError``: missing tensors, shapes.
    init(
        _ weights: Weights, _ config: ModelConfig, merged: MergeReport? = nil,
        comparison: PrecisionComparison? = nil
    ) throws(ModelError) {
        let dimensions = config.dimensions
        patches = try PatchEmbedding(weights, dimensions)
        prompts = dimensions.prompts > 0 ? try Prompts(weights, dimensions) : nil
        let modules = config.petl.flatMap { AdapterPlan($0.method) }
        var layers: [EncoderLayer] = []
        for index in 0..<dimensions.layers {
            layers.append(try EncoderLayer(weights, index: index, dimensions, adapter: modules))
        }
        self.layers = layers
        classifier = try Classifier(weights, config)
        self.weights = weights
        self.config = config
        self.merged = merged
        self.comparison = comparison
    }

    /// The same network with the result of its check.
    init(_ other: AST, comparison: PrecisionComparison) {
        config = other.config
        merged = other.merged
        weights = other.weights
        patches = other.patches
        prompts = other.prompts
        layers = other.layers
        classifier = other.classifier
        self.comparison = comparison
    }

    /// The same network for windows of fewer frames: a pass takes less time, and the tokens are the first
    /// ones of each row of the spectrogram.
    init(_ other: AST, frames: Int) {
        precondition(frames <= other.config.dimensions.frames)
        var config = other.config
        config.dimensions.frames = frames
        config.features.frames = frames
        var patches = other.patches
        patches.dimensions = config.dimensions
        var classifier = other.classifier
        classifier.dimensions = config.dimensions
        self.config = config
        self.patches = patches
        self.classifier = classifier
        layers = other.layers.map { $0.with(config.dimensions) }
        merged = other.merged
        weights = other.weights
        prompts = other.prompts
        comparison = nil
    }

    /// Explains scores that are NaN or infinite: the base's first tensor with such values, `nil` when there
    /// is none. Loading does not check this, because it would have to read the whole file.
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
        func wantedRows(_ layer: Int) -> LayerRows {
            LayerRows(end: layer == layers.count - 1 ? pooledRows : all, layers[layer])
        }
        let blockRows = Workspace.blockRows(self, workers: pool.count)
        func eachBlock(of rows: Range<Int>, _ body: (_ worker: Int, _ rows: Range<Int>) -> Void) {
            pool.distribute((rows.count + blockRows - 1) / blockRows) { worker, block in
                let first = rows.lowerBound + block * blockRows
                body(worker, first..<min(first + blockRows, rows.upperBound))
            }
        }
        func project(_ layer: Int, _ worker: Int, _ rows: Range<Int>) {
            guard layer < layers.count else { return }
            if layer > 0 { prompts?.place(beforeLayer: layer, rows: rows, space) }
            let queryRows = wantedRows(layer).output
            layers[layer].project(rows: rows, queryRows: queryRows, space, worker: worker, kernels)
        }

        eachBlock(of: all) { worker, rows in
            space.stopwatch?.start(worker)
            patches.embed(input, rows: rows, space, worker: worker, kernels)
            prompts?.place(beforeLayer: 0, rows: rows, space)
            space.stopwatch?.lap(.patches, worker)
            if probe == nil { project(0, worker, rows) }
        }
        if probe != nil {
            report(.embeddings, space.tokens, config.dimensions.tokens * config.dimensions.hidden)
            eachBlock(of: all) { worker, rows in project(0, worker, rows) }
        }
        for (index, layer) in layers.enumerated() {
            let wanted = wantedRows(index)
            let isProbed = probe != nil && index == 0
            if layer.projectsMixed {
                eachBlock(of: all) { worker, rows in
                    layer.projectMixed(
                        rows: rows, queryRows: wanted.output, space, worker: worker, kernels)
                }
            }
            layer.mixBeforeAttention(space, pool, kernels)
            pool.distribute(layer.attentionItems(queryRows: wanted.output)) { worker, item in
                layer.attend(item: item, queryRows: wanted.output, space, worker: worker)
            }
            for part in layer.parts.indices {
                let isLast = part == layer.parts.count - 1
                eachBlock(of: wanted[layer.parts[part].lowerBound]) { worker, rows in
                    layer.finish(part: part, rows: rows, of: wanted, space, worker: worker, kernels)
                    if isLast, !isProbed { project(index + 1, worker, rows) }
                }
                layer.mix(after: part, space, pool, kernels)
            }
            if isProbed {
                let hidden = config.dimensions.hidden
                report(.block0, space.tokens + wanted.end.lowerBound * hidden, wanted.end.count * hidden)
                eachBlock(of: all) { worker, rows in project(1, worker, rows) }
            }
        }
        classifier.score(space, pooled: space.pooled, logits: logits, kernels)
        report(.pooled, space.pooled, config.dimensions.hidden)
        report(.logits, logits, config.labels.count)
    }
}
