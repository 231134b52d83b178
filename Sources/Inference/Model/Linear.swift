/// y = x Wᵀ + b.
struct Linear {
    /// `[outputs, inputs]`.
    let weight: Tensor
    /// `[outputs]`.
    let bias: Tensor?
    /// The same weights in 8 bits, when that is how they are multiplied.
    private let packed: PackedMatrix?

    var outputs: Int { weight.shape[0] }
    var inputs: Int { weight.rowWidth }

    init(weight: Tensor, bias: Tensor?) {
        self.weight = weight
        self.bias = bias
        packed = nil
    }

    /// - Parameter isQuantised: Whether 8-bit weights are used where `weights` are to have that precision.
    init(
        _ weights: Weights, _ name: String, inputs: Int, outputs: Int, bias hasBias: Bool = true,
        isQuantised: Bool = true
    ) throws(ModelError) {
        weight = try weights.tensor(name + ".weight", [outputs, inputs])
        bias = hasBias ? try weights.tensor(name + ".bias", [outputs]) : nil
        packed = isQuantised ? try weights.packed(name + ".weight", [outputs, inputs]) : nil
    }

    /// y `[rows, outputs]`, contiguous.
    func apply(_ x: LinearInput, into y: UnsafeMutablePointer<Float>, _ kernels: Kernels) {
        guard x.rows > 0 else { return }
        if let packed, let quantised = x.quantised {
            return kernels.int8.multiply(
                quantised, rows: x.rows, packed, bias: bias?.pointer, into: y, accumulate: false)
        }
        if let bias { kernels.fill(y, with: bias.pointer, rows: x.rows, width: outputs) }
        Products.multiplyTransposed(
            rows: x.rows, columns: outputs, inner: inputs, x.floats, stride: inputs, weight.pointer,
            stride: inputs, beta: bias == nil ? 0 : 1, y, stride: outputs)
    }

    /// The residual branch: y += x Wᵀ + b.
    func accumulate(_ x: LinearInput, into y: UnsafeMutablePointer<Float>, _ kernels: Kernels) {
        guard x.rows > 0 else { return }
        if let packed, let quantised = x.quantised {
            return kernels.int8.multiply(
                quantised, rows: x.rows, packed, bias: bias?.pointer, into: y, accumulate: true)
        }
        if let bias { kernels.add(bias.pointer, to: y, rows: x.rows, width: outputs) }
        Products.multiplyTransposed(
            rows: x.rows, columns: outputs, inner: inputs, x.floats, stride: inputs, weight.pointer,
            stride: inputs, beta: 1, y, stride: outputs)
    }
}

/// Rows that linear layers read: as they are, and quantised where the layers multiply in 8 bits.
struct LinearInput {
    /// `[rows, width]`, contiguous.
    let floats: UnsafePointer<Float>
    let rows: Int
    let width: Int
    let quantised: QuantisedRows?

    init(_ floats: UnsafePointer<Float>, rows: Int, width: Int, quantised: QuantisedRows? = nil) {
        self.floats = floats
        self.rows = rows
        self.width = width
        self.quantised = quantised
    }

    /// Some of the rows, counted from the first.
    func part(_ range: Range<Int>) -> LinearInput {
        LinearInput(
            floats + range.lowerBound * width, rows: range.count, width: width,
            quantised: quantised?.from(row: range.lowerBound))
    }
}
