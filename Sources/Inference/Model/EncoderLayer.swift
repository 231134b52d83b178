/// One pre-norm transformer block: x += attention(norm(x)), then x += feedForward(norm(x)).
///
/// All steps but attention work on each row independently, so a layer needs two barriers:
///
///     project (blocks of rows) | attend (heads x blocks of queries) | finish, project of the next layer
///
/// ``finish(rows:_:worker:_:)`` and the next ``project(rows:queryRows:_:worker:_:)`` run on the same rows in
/// one go, while they are in the cache.
struct EncoderLayer {
    private let normBefore: LayerNorm
    private let attention: SelfAttention
    private let normAfter: LayerNorm
    private let feedForward: FeedForward
    private let hidden: Int

    init(_ weights: Weights, index: Int, _ dimensions: ModelDimensions) throws(ModelError) {
        let name = CheckpointNames.layer(index)
        let epsilon = dimensions.layerNormEpsilon
        hidden = dimensions.hidden
        normBefore = try LayerNorm(weights, name + "layernorm_before", width: hidden, epsilon: epsilon)
        attention = try SelfAttention(weights, layer: index, dimensions)
        normAfter = try LayerNorm(weights, name + "layernorm_after", width: hidden, epsilon: epsilon)
        feedForward = try FeedForward(weights, name, dimensions)
    }

    func project(
        rows: Range<Int>, queryRows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        let normed = space.normed(worker: worker)
        normBefore.apply(space.tokens + rows.lowerBound * hidden, into: normed, rows: rows.count, kernels)
        space.stopwatch?.lap(.norms, worker)
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

    func finish(rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels) {
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
