/// A convolution module: pointwise convolution to twice the channels, GLU, depthwise convolution along the
/// tokens, BatchNorm with its stored statistics, SiLU, pointwise convolution. It runs in fp32.
///
/// A token's result needs the gated channels of its neighbours, so all workers call
/// ``take(_:rows:step:_:worker:_:)`` for their rows, wait for each other, and then call
/// ``give(rows:step:into:then:_:worker:_:)``.
struct ConformerModule {
    private let expand: Linear
    private let contract: Linear
    /// `[kernel, width]`: each tap of all channels, scaled by BatchNorm.
    private let taps: [Float]
    private let bias: [Float]
    let kernel: Int
    var tokens: Int

    /// Channels of the depthwise convolution.
    var width: Int { bias.count }
    /// Taps before the token itself: PyTorch's `padding="same"` puts the odd one behind it.
    private var left: Int { (kernel - 1) / 2 }

    /// The published code builds BatchNorm1d with its default.
    private static let batchNormEpsilon = 1e-5

    /// - Parameter name: The module's name with a trailing dot.
    init(_ weights: Weights, _ name: String, hidden: Int, tokens: Int) throws(ModelError) {
        let shape = weights.shape(of: name + "dwise_conv.weight") ?? []
        let width = shape.first ?? 0, kernel = shape.last ?? 0
        func pointwise(_ part: String, _ outputs: Int, _ inputs: Int) throws(ModelError) -> Linear {
            let weight = try weights.tensor(name + part + ".weight", [outputs, inputs, 1])
            return Linear(
                weight: Tensor(pointer: weight.pointer, shape: [outputs, inputs]),
                bias: try weights.tensor(name + part + ".bias", [outputs]))
        }
        expand = try pointwise("pwise_conv1", 2 * width, hidden)
        contract = try pointwise("pwise_conv2", hidden, width)
        let depthwise = try weights.tensor(name + "dwise_conv.weight", [width, 1, kernel])
        let ownBias = try weights.tensor(name + "dwise_conv.bias", [width])
        func norm(_ part: String) throws(ModelError) -> Tensor {
            try weights.tensor(name + "bnorm." + part, [width])
        }
        let gain = try norm("weight"), shift = try norm("bias")
        let mean = try norm("running_mean"), variance = try norm("running_var")
        guard variance.buffer.allSatisfy({ $0 >= 0 }) else {
            throw .unsupported(
                path: weights.adapterFile, key: name + "bnorm.running_var", found: "a negative variance",
                wanted: "0 or more")
        }
        var taps = [Float](repeating: 0, count: kernel * width)
        var bias = [Float](repeating: 0, count: width)
        for channel in 0..<width {
            let deviation = (Double(variance.pointer[channel]) + Self.batchNormEpsilon).squareRoot()
            let scale = Double(gain.pointer[channel]) / deviation
            for tap in 0..<kernel {
                taps[tap * width + channel] = Float(
                    scale * Double(depthwise.pointer[channel * kernel + tap]))
            }
            bias[channel] = Float(
                scale * (Double(ownBias.pointer[channel]) - Double(mean.pointer[channel]))
                    + Double(shift.pointer[channel]))
        }
        guard (taps + bias).allSatisfy(\.isFinite) else {
            throw .notFinite(path: weights.adapterFile, tensor: name + "dwise_conv with BatchNorm")
        }
        self.taps = taps
        self.bias = bias
        self.kernel = kernel
        self.tokens = tokens
    }

    /// The tokens whose input the results of `rows` depend on.
    func reach(of rows: Range<Int>) -> Range<Int> {
        max(0, rows.lowerBound - left)..<min(tokens, rows.upperBound + kernel - 1 - left)
    }

    /// Bytes of one plane of gated channels.
    var planeBytes: Int { MemoryLayout<Float>.size * tokens * width }

    /// Computes the gated channels of the tokens `rows`.
    ///
    /// - Parameters:
    ///   - x: `[rows, hidden]`.
    ///   - step: Number of the module in the order of computation; see ``Workspace/plane(step:)``.
    func take(
        _ x: UnsafePointer<Float>, rows: Range<Int>, step: Int, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) {
        let inner = space.wide(worker: worker)
        let input = space.floatInput(x, rows: rows.count, width: expand.inputs, worker: worker)
        expand.apply(input, into: inner, kernels)
        let plane = space.plane(step: step) + rows.lowerBound * width
        kernels.gate(inner, into: plane, rows: rows.count, width: width)
    }

    /// Computes the results of the tokens `rows` into y `[rows, hidden]`, or adds them to it.
    func give(
        rows: Range<Int>, step: Int, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue,
        _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        let inner = space.wide(worker: worker)
        kernels.convolve(
            space.plane(step: step), tokens: tokens, width: width, taps: taps, bias: bias, kernel: kernel,
            left: left, rows: rows, into: inner)
        let input = space.floatInput(inner, rows: rows.count, width: width, worker: worker)
        contract.apply(input, into: y, then: epilogue, kernels)
    }
}
