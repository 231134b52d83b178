/// The two-layer perceptron of a block: tokens += W2 GELU(W1 x + b1) + b2.
struct FeedForward {
    private let expand: Linear
    private let contract: Linear

    init(_ weights: Weights, _ name: String, _ geometry: Geometry) throws(ModelError) {
        expand = try Linear(
            weights, name + "intermediate.dense", inputs: geometry.hidden, outputs: geometry.intermediate)
        contract = try Linear(
            weights, name + "output.dense", inputs: geometry.intermediate, outputs: geometry.hidden)
    }

    /// Reads the normalised tokens `rows`, adds to the tokens; `wide` holds `[rows, intermediate]`.
    func apply(_ space: Workspace, rows: Range<Int>, worker: Int, _ kernels: Kernels) {
        let offset = rows.lowerBound * expand.inputs
        let wide = space.wide(worker: worker)
        let normed = space.input(
            space.normed + offset, rows: rows.count, width: expand.inputs, worker: worker, kernels)
        expand.apply(normed, into: wide, kernels)
        kernels.gelu(wide, count: rows.count * expand.outputs)
        let activated = space.input(wide, rows: rows.count, width: expand.outputs, worker: worker, kernels)
        contract.accumulate(activated, into: space.tokens + offset, kernels)
    }
}
