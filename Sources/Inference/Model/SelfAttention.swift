/// Multi-head self-attention: softmax(Q Kᵀ / sqrt(head width)) V, then the output projection.
struct SelfAttention {
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let prefix: AttentionPrefix?
    /// In fp32 where the scores spread too widely for 8-bit queries and keys; see ``ScoreSpread``.
    let kernels: AttentionKernels
    var dimensions: ModelDimensions

    /// Queries in one item of work: a multiple of every kernel's tile.
    private static let queryBlock = 96

    init(_ weights: Weights, layer: Int, _ dimensions: ModelDimensions) throws(ModelError) {
        let name = CheckpointNames.layer(layer) + "attention."
        func projection(_ part: String, isQuantized: Bool = true) throws(ModelError) -> Linear {
            try Linear(
                weights, name + "attention." + part, inputs: dimensions.hidden, outputs: dimensions.hidden,
                bias: dimensions.queryKeyValueBias || weights.contains(name + "attention." + part + ".bias"),
                isQuantized: isQuantized)
        }
        let isSharp = try weights.isAttentionSharp(name, heads: dimensions.heads)
        self.kernels = AttentionKernels(isSharp ? .fp32 : weights.precision)
        query = try projection("query", isQuantized: !isSharp)
        key = try projection("key", isQuantized: !isSharp)
        value = try projection("value")
        output = try Linear(
            weights, name + "output.dense", inputs: dimensions.hidden, outputs: dimensions.hidden)
        prefix =
            dimensions.prefixes > 0
            ? try AttentionPrefix(weights, layer: layer, dimensions, key: key, value: value) : nil
        self.dimensions = dimensions
    }

    /// Computes queries, keys and values of the tokens `rows` and packs them for the heads; queries only of
    /// the tokens whose results are needed (`queryRows`).
    ///
    /// - Parameter normed: The normalised tokens `rows`, `[rows, hidden]`.
    func project(
        _ normed: UnsafePointer<Float>, rows: Range<Int>, queryRows: Range<Int>, _ space: Workspace,
        worker: Int, _ kernels: Kernels
    ) {
        let x = space.input(normed, rows: rows.count, width: dimensions.hidden, worker: worker)
        func make(
            _ part: AttentionKernels.Part, _ linear: Linear, _ wanted: Range<Int>, prefix: [Float]? = nil
        ) {
            let projected = space.wide(worker: worker)
            let first = wanted.lowerBound - rows.lowerBound
            linear.apply(x.part(first..<first + wanted.count), into: projected, kernels)
            var wanted = wanted
            if let prefix, wanted.upperBound == dimensions.tokens {
                (projected + wanted.count * dimensions.hidden).update(from: prefix, count: prefix.count)
                wanted = wanted.lowerBound..<dimensions.keys
            }
            for head in 0..<dimensions.heads {
                self.kernels.pack(
                    part, projected + head * dimensions.headWidth, rows: wanted, stride: dimensions.hidden,
                    into: space.head(head, dimensions, self.kernels))
            }
        }
        let queries = rows.clamped(to: queryRows)
        if !queries.isEmpty { make(.queries, query, queries) }
        make(.keys, key, rows, prefix: prefix?.keys)
        make(.values, value, rows, prefix: prefix?.values)
    }

    /// Number of independent items of work for ``attend(item:queryRows:_:worker:)``.
    func items(queryRows: Range<Int>) -> Int {
        dimensions.heads * ((queryRows.count + Self.queryBlock - 1) / Self.queryBlock)
    }

    /// Attends one block of one head's queries; the result goes to the head's columns of `space.context`.
    func attend(item: Int, queryRows: Range<Int>, _ space: Workspace, worker: Int) {
        let head = item % dimensions.heads
        let first = queryRows.lowerBound + item / dimensions.heads * Self.queryBlock
        let rows = first..<min(first + Self.queryBlock, queryRows.upperBound)
        kernels.attend(
            space.head(head, dimensions, kernels), rows: rows, scratch: space.wide(worker: worker),
            into: space.context + first * dimensions.hidden + head * dimensions.headWidth,
            stride: dimensions.hidden)
    }

    /// tokens += output projection of `space.context`, for `rows`.
    func finish(rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels) {
        let tokens = space.tokens + rows.lowerBound * dimensions.hidden
        finish(rows: rows, into: tokens, then: .add, space, worker: worker, kernels)
    }

    /// Computes the output projection of `space.context`, for `rows`, into y `[rows, hidden]`.
    func finish(
        rows: Range<Int>, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue = .store,
        _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        let context = space.input(
            space.context + rows.lowerBound * dimensions.hidden, rows: rows.count, width: dimensions.hidden,
            worker: worker)
        output.apply(context, into: y, then: epilogue, kernels)
    }
}
