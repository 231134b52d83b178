/// y = x Wᵀ + b.
struct Linear {
    /// `[outputs, inputs]`.
    let weight: Tensor
    /// `[outputs]`.
    let bias: Tensor?
    /// The same weights in narrow numbers, when that is how they are multiplied.
    private let packed: PackedMatrix?

    var outputs: Int { weight.shape[0] }
    var inputs: Int { weight.rowWidth }

    init(weight: Tensor, bias: Tensor?) {
        self.weight = weight
        self.bias = bias
        packed = nil
    }

    /// - Parameter isNarrow: Whether narrow numbers are used where `weights` are to have that precision.
    init(
        _ weights: Weights, _ name: String, inputs: Int, outputs: Int, bias hasBias: Bool = true,
        isNarrow: Bool = true
    ) throws(ModelError) {
        weight = try weights.tensor(name + ".weight", [outputs, inputs])
        bias = hasBias ? try weights.tensor(name + ".bias", [outputs]) : nil
        packed = isNarrow ? try weights.packed(name + ".weight", [outputs, inputs]) : nil
    }

    /// The product of rows with the weights; `y` is `[rows, outputs]`, contiguous.
    func apply(
        _ x: LinearInput, into y: UnsafeMutablePointer<Float>, then ending: NarrowProducts.Ending = .store,
        _ kernels: Kernels
    ) {
        guard x.rows > 0 else { return }
        if let packed, let narrow = x.narrow {
            return packed.multiply(narrow, rows: x.rows, bias: bias?.pointer, into: y, then: ending)
        }
        if let bias {
            if ending == .add {
                kernels.add(bias.pointer, to: y, rows: x.rows, width: outputs)
            } else {
                kernels.fill(y, with: bias.pointer, rows: x.rows, width: outputs)
            }
        }
        Products.multiplyTransposed(
            rows: x.rows, columns: outputs, inner: inputs, x.floats, stride: inputs, weight.pointer,
            stride: inputs, beta: ending != .add && bias == nil ? 0 : 1, y, stride: outputs)
        if ending == .gelu { kernels.gelu(y, count: x.rows * outputs) }
    }
}

/// Rows that linear layers read: as they are, and in narrow numbers where the layers multiply those.
struct LinearInput {
    /// `[rows, width]`, contiguous.
    let floats: UnsafePointer<Float>
    let rows: Int
    let width: Int
    let narrow: NarrowRows?

    init(_ floats: UnsafePointer<Float>, rows: Int, width: Int, narrow: NarrowRows? = nil) {
        self.floats = floats
        self.rows = rows
        self.width = width
        self.narrow = narrow
    }

    /// Some of the rows, counted from the first.
    func part(_ range: Range<Int>) -> LinearInput {
        LinearInput(
            floats + range.lowerBound * width, rows: range.count, width: width,
            narrow: narrow?.from(row: range.lowerBound))
    }
}
