/// The feed-forward network (MLP) of a layer: tokens += W2 GELU(W1 x + b1) + b2.
struct FeedForward {
    private let expand: Linear
    private let contract: Linear

    init(_ weights: Weights, _ name: String, _ dimensions: ModelDimensions) throws(ModelError) {
        expand = try Linear(
            weights, name + "intermediate.dense", inputs: dimensions.hidden, outputs: dimensions.intermediate)
        contract = try Linear(
            weights, name + "output.dense", inputs: dimensions.intermediate, outputs: dimensions.hidden)
    }

    /// Computes the MLP of `normed` and adds the result to `tokens`, both `[rows, hidden]`.
    func apply(
        _ normed: UnsafePointer<Float>, addingTo tokens: UnsafeMutablePointer<Float>, rows: Int,
        _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        apply(normed, into: tokens, then: .add, rows: rows, space, worker: worker, kernels)
    }

    /// Computes the MLP of `normed` into y, or adds it. Both are `[rows, hidden]` and may be the same memory.
    func apply(
        _ normed: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue,
        rows: Int, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        let wide = space.wide(worker: worker)
        let x = space.input(normed, rows: rows, width: expand.inputs, worker: worker)
        expand.apply(x, into: wide, then: .gelu, kernels)
        let activated = space.input(wide, rows: rows, width: expand.outputs, worker: worker)
        contract.apply(activated, into: y, then: epilogue, kernels)
    }
}
