/// y = x Wᵀ + b.
struct Linear {
    /// `[outputs, inputs]`.
    let weight: Tensor
    /// `[outputs]`.
    let bias: Tensor?

    var outputs: Int { weight.shape[0] }
    var inputs: Int { weight.rowWidth }

    init(weight: Tensor, bias: Tensor?) {
        self.weight = weight
        self.bias = bias
    }

    init(_ weights: Weights, _ name: String, inputs: Int, outputs: Int, bias hasBias: Bool = true)
        throws(ModelError)
    {
        weight = try weights.tensor(name + ".weight", [outputs, inputs])
        bias = hasBias ? try weights.tensor(name + ".bias", [outputs]) : nil
    }

    /// x `[rows, inputs]`, y `[rows, outputs]`, both contiguous.
    func apply(
        _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Int, _ kernels: Kernels
    ) {
        guard rows > 0 else { return }
        if let bias { kernels.fill(y, with: bias.pointer, rows: rows, width: outputs) }
        Products.multiplyTransposed(
            rows: rows, columns: outputs, inner: inputs, x, stride: inputs, weight.pointer, stride: inputs,
            beta: bias == nil ? 0 : 1, y, stride: outputs)
    }

    /// The residual branch: y += x Wᵀ + b.
    func accumulate(
        _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Int, _ kernels: Kernels
    ) {
        guard rows > 0 else { return }
        if let bias { kernels.add(bias.pointer, to: y, rows: rows, width: outputs) }
        Products.multiplyTransposed(
            rows: rows, columns: outputs, inner: inputs, x, stride: inputs, weight.pointer, stride: inputs,
            beta: 1, y, stride: outputs)
    }
}
