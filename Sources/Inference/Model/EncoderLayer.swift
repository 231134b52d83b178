/// One pre-norm transformer block: x += attention(norm(x)), then x += feedForward(norm(x)).
///
/// All steps but attention work on each row independently, so a layer needs two barriers:
///
///     project (blocks of rows) | attend (heads x blocks of queries) | finish, project of the next layer
///
/// ``finish(part:rows:of:_:worker:_:)`` and the next ``project(rows:queryRows:_:worker:_:)`` run on the same
/// rows in one go, while they are in the cache. An adapter whose modules mix tokens needs more barriers
/// (EncoderLayer+Adapter.swift).
struct EncoderLayer {
    let normBefore: LayerNorm
    var attention: SelfAttention
    let normAfter: LayerNorm
    let feedForward: FeedForward
    let hidden: Int
    private(set) var tokens: Int
    /// What an adapter adds to the two halves.
    private(set) var attentionAdapter: HalfAdapter?
    private(set) var mlpAdapter: HalfAdapter?
    /// The steps of ``finish(part:rows:of:_:worker:_:)`` between two barriers each.
    let parts: [ClosedRange<Step>]

    init(
        _ weights: Weights, index: Int, _ dimensions: ModelDimensions, adapter plan: AdapterPlan? = nil
    ) throws(ModelError) {
        let name = CheckpointNames.layer(index)
        let epsilon = dimensions.layerNormEpsilon
        hidden = dimensions.hidden
        tokens = dimensions.tokens
        normBefore = try LayerNorm(weights, name + "layernorm_before", width: hidden, epsilon: epsilon)
        attention = try SelfAttention(weights, layer: index, dimensions)
        normAfter = try LayerNorm(weights, name + "layernorm_after", width: hidden, epsilon: epsilon)
        feedForward = try FeedForward(weights, name, dimensions)
        attentionAdapter = try plan.flatMap { plan throws(ModelError) in
            try plan.attention.map { half throws(ModelError) in
                try HalfAdapter(
                    weights, layer: index, half, plan.kind, norm: name + "layernorm_before",
                    isFirstHalf: true, dimensions)
            }
        }
        mlpAdapter = try plan.flatMap { plan throws(ModelError) in
            try plan.mlp.map { half throws(ModelError) in
                try HalfAdapter(
                    weights, layer: index, half, plan.kind, norm: name + "layernorm_after",
                    isFirstHalf: false, dimensions)
            }
        }
        parts = Self.parts(attentionAdapter, mlpAdapter)
    }

    /// The layer for windows of another length.
    func with(_ dimensions: ModelDimensions) -> EncoderLayer {
        var layer = self
        layer.tokens = dimensions.tokens
        layer.attention.dimensions = dimensions
        layer.attentionAdapter = attentionAdapter?.with(tokens: dimensions.tokens)
        layer.mlpAdapter = mlpAdapter?.with(tokens: dimensions.tokens)
        return layer
    }

    func project(
        rows: Range<Int>, queryRows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        let normed = space.normed(worker: worker)
        normBefore.apply(space.tokens + rows.lowerBound * hidden, into: normed, rows: rows.count, kernels)
        space.stopwatch?.lap(.norms, worker)
        if let attentionAdapter,
            !attentionAdapter.beforeAttention(normed, rows: rows, space, worker: worker, kernels)
        {
            return
        }
        attention.project(normed, rows: rows, queryRows: queryRows, space, worker: worker, kernels)
        space.stopwatch?.lap(.projections, worker)
    }

    var attentionKernels: AttentionKernels { attention.kernels }

    func attentionItems(queryRows: Range<Int>) -> Int { attention.items(queryRows: queryRows) }

    func attend(item: Int, queryRows: Range<Int>, _ space: Workspace, worker: Int) {
        space.stopwatch?.start(worker)
        attention.attend(item: item, queryRows: queryRows, space, worker: worker)
        space.stopwatch?.lap(.attention, worker)
    }

    /// Everything after attention, or one of the ``parts`` of it.
    func finish(
        part: Int, rows: Range<Int>, of wanted: LayerRows, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) {
        guard attentionAdapter == nil, mlpAdapter == nil else {
            return finishAdapted(part: part, rows: rows, of: wanted, space, worker: worker, kernels)
        }
        let tokens = space.tokens + rows.lowerBound * hidden
        let normed = space.normed(worker: worker)
        space.stopwatch?.start(worker)
        attention.finish(rows: rows, space, worker: worker, kernels)
        space.stopwatch?.lap(.output, worker)
        normAfter.apply(tokens, into: normed, rows: rows.count, kernels)
        space.stopwatch?.lap(.norms, worker)
        feedForward.apply(normed, addingTo: tokens, rows: rows.count, space, worker: worker, kernels)
        space.stopwatch?.lap(.mlp, worker)
    }
}
