/// A linear layer, y = x Wᵀ + b.
struct Linear {
    /// `[outputs, inputs]`.
    let weight: Tensor
    /// `[outputs]`. A copy: a mapped bias would keep the pages of weights around it in memory.
    private let bias: [Float]?
    /// The same weights packed for int8 or bf16; `nil` in fp32.
    private let packed: PackedMatrix?
    /// Divides the outputs; `nil` where they are not smoothed.
    let outputSmoothing: ActivationSmoothing?
    /// Owns `weight` where it is not one of the network's tensors.
    private let owner: PrivatePages?

    var outputs: Int { weight.shape[0] }
    var inputs: Int { weight.rowWidth }

    /// The bias; zeros if there is none.
    var biases: [Float] { bias ?? [Float](repeating: 0, count: outputs) }

    init(weight: Tensor, bias: Tensor?) {
        self.init(weight: weight, biases: bias.map { Array($0.buffer) }, owner: nil)
    }

    /// - Parameter owner: Memory of `weight` that nothing else keeps alive.
    init(weight: Tensor, biases: [Float]?, owner: PrivatePages?) {
        self.weight = weight
        bias = biases
        packed = nil
        outputSmoothing = nil
        self.owner = owner
    }

    /// - Parameter isQuantized: `false`: stays in fp32 whatever the precision of `weights`.
    /// - Throws: ``ModelError``: missing tensors, shapes, memory.
    init(
        _ weights: Weights, _ name: String, inputs: Int, outputs: Int, bias hasBias: Bool = true,
        isQuantized: Bool = true
    ) throws(ModelError) {
        let weight = try weights.tensor(name + ".weight", [outputs, inputs])
        var bias = hasBias ? Array(try weights.tensor(name + ".bias", [outputs]).buffer) : nil
        packed = isQuantized ? try weights.packed(name + ".weight", [outputs, inputs]) : nil
        let smoothing = weights.smoothing(ofMatrix: name + ".weight")
        outputSmoothing = packed == nil ? nil : smoothing.outputs
        if let outputs = outputSmoothing {
            bias = bias.map { zip($0, outputs.factors).map { $0 / $1 } }
        }
        self.bias = bias
        // The LayerNorm before this matrix divides its output by the smoothing factors, so a matrix that is
        // not packed multiplies its weights by them. Its outputs are not smoothed: only queries and keys,
        // always both of them, are not packed.
        if packed == nil, let smoothing = smoothing.inputs {
            let pages = try PrivatePages(byteCount: weight.count * MemoryLayout<Float>.size, for: name)
            let smoothed = pages.start.bindMemory(to: Float.self, capacity: weight.count)
            for index in 0..<weight.count {
                smoothed[index] = weight.pointer[index] * smoothing.factors[index % inputs]
            }
            pages.makeReadOnly()
            owner = pages
            self.weight = Tensor(pointer: smoothed, shape: weight.shape)
        } else {
            owner = nil
            self.weight = weight
        }
    }

    /// Multiplies rows by the weights into y `[rows, outputs]`, contiguous.
    func apply(
        _ x: LinearInput, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue = .store,
        _ kernels: Kernels
    ) {
        guard x.rows > 0 else { return }
        if let packed, let quantized = x.quantized {
            return packed.multiply(quantized, rows: x.rows, bias: bias, into: y, then: epilogue)
        }
        if let bias {
            bias.withUnsafeBufferPointer {
                x.multiply(
                    by: weight.pointer, outputs: outputs, bias: $0.baseAddress, into: y, then: epilogue,
                    kernels)
            }
        } else {
            x.multiply(
                by: weight.pointer, outputs: outputs, bias: nil, into: y, then: epilogue, kernels)
        }
    }
}

/// A GEMM in fp32, and a worker's memory for one panel of weights.
struct FloatPanel {
    let gemm: FloatGEMM
    let memory: UnsafeMutablePointer<Float>
}

/// Input rows of linear layers: in fp32, and quantised where the network computes in int8 or bf16.
struct LinearInput {
    /// `[rows, width]`, contiguous.
    let floats: UnsafePointer<Float>
    let rows: Int
    let width: Int
    let quantized: QuantizedRows?
    /// What multiplies them in fp32; `nil`: the BLAS library.
    let panel: FloatPanel?

    init(
        _ floats: UnsafePointer<Float>, rows: Int, width: Int, quantized: QuantizedRows? = nil,
        panel: FloatPanel? = nil
    ) {
        self.floats = floats
        self.rows = rows
        self.width = width
        self.quantized = quantized
        self.panel = panel
    }

    /// A view of some of the rows, counted from the first.
    func part(_ range: Range<Int>) -> LinearInput {
        LinearInput(
            floats + range.lowerBound * width, rows: range.count, width: width,
            quantized: quantized?.from(row: range.lowerBound), panel: panel)
    }
    /// Multiplies the rows by weights `[outputs, width]` in fp32, into y `[rows, outputs]`; all contiguous.
    func multiply(
        by weights: UnsafePointer<Float>, outputs: Int, bias: UnsafePointer<Float>?,
        into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue, _ kernels: Kernels
    ) {
        guard rows > 0 else { return }
        if let panel {
            return panel.gemm.multiply(
                floats, rows: rows, weights, outputs: outputs, inputs: width, bias: bias, into: y,
                then: epilogue, scratch: panel.memory)
        }
        if let bias {
            if epilogue == .add {
                kernels.add(bias, to: y, rows: rows, width: outputs)
            } else {
                kernels.fill(y, with: bias, rows: rows, width: outputs)
            }
        }
        SGEMM.multiplyTransposed(
            rows: rows, columns: outputs, inner: width, floats, stride: width, weights, stride: width,
            beta: epilogue != .add && bias == nil ? 0 : 1, y, stride: outputs)
        if epilogue == .gelu { kernels.gelu(y, count: rows * outputs) }
    }
}
