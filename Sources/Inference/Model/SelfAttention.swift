/// Multi-head self-attention: softmax(Q Kᵀ / sqrt(head width)) V, then the output projection.
struct SelfAttention {
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let geometry: Geometry

    /// Queries of one head that are computed together.
    static let queryBlock = 256

    init(_ weights: Weights, _ name: String, _ geometry: Geometry) throws(ModelError) {
        func projection(_ part: String) throws(ModelError) -> Linear {
            try Linear(
                weights, name + "attention." + part, inputs: geometry.hidden, outputs: geometry.hidden,
                bias: geometry.queryKeyValueBias || weights.contains(name + "attention." + part + ".bias"))
        }
        query = try projection("query")
        key = try projection("key")
        value = try projection("value")
        output = try Linear(
            weights, name + "output.dense", inputs: geometry.hidden, outputs: geometry.hidden)
        self.geometry = geometry
    }

    /// Queries, keys and values of the normalised tokens `rows`; queries only where the token's own result is
    /// wanted (`queryRows`).
    func project(
        _ space: Workspace, rows: Range<Int>, queryRows: Range<Int>, worker: Int, _ kernels: Kernels
    ) {
        let hidden = geometry.hidden
        let offset = rows.lowerBound * hidden
        let normed = space.input(
            space.normed + offset, rows: rows.count, width: hidden, worker: worker, kernels)
        let queries = rows.clamped(to: queryRows)
        let first = queries.lowerBound - rows.lowerBound
        query.apply(
            normed.part(first..<first + queries.count), into: space.queries + queries.lowerBound * hidden,
            kernels)
        key.apply(normed, into: space.keys + offset, kernels)
        value.apply(normed, into: space.values + offset, kernels)
    }

    /// Number of independent pieces of work in ``attend(_:item:queryRows:worker:_:)``.
    func items(queryRows: Range<Int>) -> Int {
        geometry.heads * ((queryRows.count + Self.queryBlock - 1) / Self.queryBlock)
    }

    /// Lays a head's keys and values out for narrow products, where the network has them; see ``attend``.
    func pack(_ space: Workspace, head: Int) {
        guard let narrow = space.narrowAttention else { return }
        let column = head * geometry.headWidth
        narrow.pack(
            keys: space.keys + column, values: space.values + column, tokens: geometry.tokens,
            width: geometry.headWidth, stride: geometry.hidden, into: space.packedHead(head, geometry))
    }

    /// One head, one block of queries against all keys; the result goes to `space.context`.
    func attend(_ space: Workspace, item: Int, queryRows: Range<Int>, worker: Int, _ kernels: Kernels) {
        let tokens = geometry.tokens
        let hidden = geometry.hidden
        let width = geometry.headWidth
        let column = item % geometry.heads * width
        let first = queryRows.lowerBound + item / geometry.heads * Self.queryBlock
        let rows = min(Self.queryBlock, queryRows.upperBound - first)
        if let narrow = space.narrowAttention {
            return narrow.attend(
                space.queries + first * hidden + column, rows: rows,
                head: space.packedHead(item % geometry.heads, geometry), tokens: tokens, width: width,
                stride: hidden, scale: 1 / Float(width).squareRoot(), scratch: space.scores(worker: worker),
                into: space.context + first * hidden + column)
        }
        let scores = space.scores(worker: worker)
        let sums = scores + Self.queryBlock * tokens
        let context = space.context + first * hidden + column
        Products.multiplyTransposed(
            rows: rows, columns: tokens, inner: width,
            space.queries + first * hidden + column, stride: hidden, space.keys + column, stride: hidden,
            beta: 0, scores, stride: tokens)
        kernels.expRows(
            scores, sums: sums, rows: rows, columns: tokens, stride: tokens,
            scale: 1 / Float(width).squareRoot())
        Products.multiply(
            rows: rows, columns: width, inner: tokens, scores, stride: tokens,
            space.values + column, stride: hidden, beta: 0, context, stride: hidden)
        // Dividing here touches a head's width of numbers; dividing the scores would touch all tokens.
        kernels.divideRows(context, sums: sums, rows: rows, columns: width, stride: hidden)
    }

    /// tokens += output projection of the attended context, for `rows`.
    func finish(_ space: Workspace, rows: Range<Int>, worker: Int, _ kernels: Kernels) {
        let offset = rows.lowerBound * geometry.hidden
        let context = space.input(
            space.context + offset, rows: rows.count, width: geometry.hidden, worker: worker, kernels)
        output.accumulate(context, into: space.tokens + offset, kernels)
    }
}
