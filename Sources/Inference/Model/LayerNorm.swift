/// y = (x - mean) / sqrt(variance + epsilon) * gain + bias over each row.
struct LayerNorm {
    let gain: Tensor
    let bias: Tensor
    let epsilon: Float

    init(_ weights: Weights, _ name: String, width: Int, epsilon: Float) throws(ModelError) {
        gain = try weights.tensor(name + ".weight", [width])
        bias = try weights.tensor(name + ".bias", [width])
        self.epsilon = epsilon
    }

    /// x and y `[rows, width]`, contiguous; may be the same memory.
    func apply(
        _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Int, _ kernels: Kernels
    ) {
        kernels.layerNorm(
            x, gain: gain.pointer, bias: bias.pointer, epsilon: epsilon, into: y, rows: rows,
            width: gain.count)
    }
}
