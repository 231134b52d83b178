/// Pools tokens and scores the classes.
struct Classifier {
    private let finalNorm: LayerNorm
    /// `nil`: the scores are made of the pooled vector as it is.
    private let headNorm: LayerNorm?
    private let dense: Linear
    private let pooling: ModelConfig.Pooling
    private let geometry: Geometry

    var classes: Int { dense.outputs }

    init(_ weights: Weights, _ config: ModelConfig) throws(ModelError) {
        geometry = config.geometry
        pooling = config.pooling
        let width = geometry.hidden
        let epsilon = geometry.layerNormEpsilon
        finalNorm = try LayerNorm(
            weights, CheckpointNames.backbone + "layernorm", width: width, epsilon: epsilon)
        headNorm =
            config.normalisesPooled
            ? try LayerNorm(
                weights, "classifier.layernorm", width: width, epsilon: config.classifierLayerNormEpsilon)
            : nil
        dense = try Linear(
            weights, "classifier.dense", inputs: width, outputs: config.labels.count,
            isNarrow: false)
    }

    /// The tokens that pooling reads: the last block need not compute any other.
    var pooledRows: Range<Int> {
        switch pooling {
        case .clsDistillationMean: 0..<2
        case .cls: 0..<1
        case .mean: 0..<geometry.tokens
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
        let width = geometry.hidden
        // Attention is over: its plane is free.
        let normed = space.context
        finalNorm.apply(space.tokens, into: normed, rows: rows.count, kernels)
        pooled.update(repeating: 0, count: width)
        for row in rows {
            for index in 0..<width { pooled[index] += normed[row * width + index] }
        }
        for index in 0..<width { pooled[index] /= Float(rows.count) }
        headNorm?.apply(pooled, into: normed, rows: 1, kernels)
        dense.apply(
            LinearInput(headNorm == nil ? pooled : normed, rows: 1, width: width), into: logits, kernels
        )
    }
}
