/// One pre-norm transformer block: x += attention(norm(x)), then x += feedForward(norm(x)).
///
/// Everything but the attention itself works row by row, so a block is two barriers: ``project`` for all rows,
/// ``attend`` for all heads, and ``finish`` runs into the next block's ``project`` on the same rows.
struct EncoderLayer {
    private let normBefore: LayerNorm
    private let attention: SelfAttention
    private let normAfter: LayerNorm
    private let feedForward: FeedForward
    private let hidden: Int

    init(_ weights: Weights, index: Int, _ geometry: Geometry) throws(ModelError) {
        let name = CheckpointNames.layer(index)
        let epsilon = geometry.layerNormEpsilon
        hidden = geometry.hidden
        normBefore = try LayerNorm(weights, name + "layernorm_before", width: hidden, epsilon: epsilon)
        attention = try SelfAttention(weights, name + "attention.", geometry)
        normAfter = try LayerNorm(weights, name + "layernorm_after", width: hidden, epsilon: epsilon)
        feedForward = try FeedForward(weights, name, geometry)
    }

    func project(
        _ space: Workspace, rows: Range<Int>, queryRows: Range<Int>, worker: Int, _ kernels: Kernels
    ) {
        guard !rows.isEmpty else { return }
        let offset = rows.lowerBound * hidden
        normBefore.apply(space.tokens + offset, into: space.normed + offset, rows: rows.count, kernels)
        attention.project(space, rows: rows, queryRows: queryRows, worker: worker, kernels)
    }

    func attentionItems(queryRows: Range<Int>) -> Int { attention.items(queryRows: queryRows) }

    func pack(_ space: Workspace, head: Int) { attention.pack(space, head: head) }

    func attend(_ space: Workspace, item: Int, queryRows: Range<Int>, worker: Int, _ kernels: Kernels) {
        attention.attend(space, item: item, queryRows: queryRows, worker: worker, kernels)
    }

    func finish(_ space: Workspace, rows: Range<Int>, worker: Int, _ kernels: Kernels) {
        guard !rows.isEmpty else { return }
        let offset = rows.lowerBound * hidden
        attention.finish(space, rows: rows, worker: worker, kernels)
        normAfter.apply(space.tokens + offset, into: space.normed + offset, rows: rows.count, kernels)
        feedForward.apply(space, rows: rows, worker: worker, kernels)
    }
}
