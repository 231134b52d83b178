/// y = (x - mean) / sqrt(variance + epsilon) * gain + bias over each row. In 8 bits the result is also
/// divided by the factors of the ``ActivationSmoothing``; the weights that read it are multiplied by them.
struct LayerNorm {
    private let gain: [Float]
    private let bias: [Float]
    private let epsilon: Float

    /// - Parameter isSmoothed: `false`: without the factors, for a reader that is not quantised.
    init(
        _ weights: Weights, _ name: String, width: Int, epsilon: Float, isSmoothed: Bool = true
    ) throws(ModelError) {
        let smoothing = isSmoothed ? weights.smoothing(of: name) : nil
        let factors = smoothing?.factors ?? [Float](repeating: 1, count: width)
        gain = zip(try weights.tensor(name + ".weight", [width]).buffer, factors).map { $0 / $1 }
        bias = zip(try weights.tensor(name + ".bias", [width]).buffer, factors).map { $0 / $1 }
        self.epsilon = epsilon
    }

    /// Normalises x into y, both `[rows, width]`, contiguous; they may be the same memory.
    func apply(
        _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Int, _ kernels: Kernels
    ) {
        kernels.layerNorm(
            x, gain: gain, bias: bias, epsilon: epsilon, into: y, rows: rows, width: gain.count)
    }
}
