/// Pools the tokens and computes the scores of the classes.
struct Classifier {
    private let finalNorm: LayerNorm
    /// `nil`: the pooled vector is not normalised.
    private let headNorm: LayerNorm?
    private let dense: Linear
    private let pooling: ModelConfig.Pooling
    var dimensions: ModelDimensions

    var classes: Int { dense.outputs }

    init(_ weights: Weights, _ config: ModelConfig) throws(ModelError) {
        dimensions = config.dimensions
        pooling = config.pooling
        let width = dimensions.hidden
        let epsilon = dimensions.layerNormEpsilon
        finalNorm = try LayerNorm(
            weights, CheckpointNames.backbone + "layernorm", width: width, epsilon: epsilon)
        headNorm =
            config.normalisesPooled
            ? try LayerNorm(
                weights, "classifier.layernorm", width: width, epsilon: config.classifierLayerNormEpsilon)
            : nil
        dense = try Linear(
            weights, "classifier.dense", inputs: width, outputs: config.labels.count,
            isQuantized: false)
    }

    /// The tokens that pooling reads; the last layer computes no others.
    var pooledRows: Range<Int> {
        switch pooling {
        case .clsDistillationMean: 0..<2
        case .cls: 0..<1
        case .mean: 0..<dimensions.tokens
        case .prompts: 1..<dimensions.leadingTokens
        case .speech: dimensions.leadingTokens..<dimensions.tokens
        case .promptsAndSpeech: 1..<dimensions.tokens
        }
    }

    /// - Parameters:
    ///   - pooled: Output `[hidden]`.
    ///   - logits: Output `[classes]`.
    func score(
        _ space: Workspace, pooled: UnsafeMutablePointer<Float>, logits: UnsafeMutablePointer<Float>,
        _ kernels: Kernels
    ) {
        let rows = pooledRows
        let width = dimensions.hidden
        // Attention has finished, so its memory is free.
        let normed = space.context
        finalNorm.apply(
            space.tokens + rows.lowerBound * width, into: normed, rows: rows.count, kernels)
        pooled.update(repeating: 0, count: width)
        for row in 0..<rows.count {
            for index in 0..<width { pooled[index] += normed[row * width + index] }
        }
        for index in 0..<width { pooled[index] /= Float(rows.count) }
        headNorm?.apply(pooled, into: normed, rows: 1, kernels)
        dense.apply(
            LinearInput(headNorm == nil ? pooled : normed, rows: 1, width: width), into: logits, kernels
        )
    }
}
