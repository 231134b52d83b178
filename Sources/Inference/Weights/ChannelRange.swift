/// The expected range of the channels of activations, and the range of the weights that read them, computed
/// from weights alone.
///
/// The channels of a normalised token are assumed to be independent and of unit variance.
enum ChannelRange {
    /// The assumed range of a channel around its mean, in standard deviations.
    private static let deviations: Float = 3

    /// Outputs of a LayerNorm with that gain and bias, `[channels]`.
    static func outputs(gain: Tensor, offset: Tensor) -> [Float] {
        zip(gain.buffer, offset.buffer).map { deviations * abs($0) + abs($1) }
    }

    /// Outputs of a linear layer, weight `[outputs, inputs]` and bias `[outputs]`, that reads a LayerNorm's.
    static func outputs(of weight: Tensor, bias: Tensor?, gain: Tensor, offset: Tensor) -> [Float] {
        (0..<weight.rows).map { row in
            let weights = weight.pointer + row * weight.rowWidth
            var (variance, mean) = (Float(0), bias?.pointer[row] ?? 0)
            for index in 0..<weight.rowWidth {
                let deviation = weights[index] * gain.pointer[index]
                variance += deviation * deviation
                mean += weights[index] * offset.pointer[index]
            }
            return deviations * variance.squareRoot() + abs(mean)
        }
    }

    /// The columns of matrices with the same inputs: the RMS over all rows, each relative to its own RMS,
    /// because each row has a step of its own.
    static func columns(of matrices: [Tensor]) -> [Float] {
        var sums = [Float](repeating: 0, count: matrices.first?.rowWidth ?? 0)
        let rows = matrices.reduce(0) { $0 + $1.rows }
        for matrix in matrices {
            for row in 0..<matrix.rows {
                let weights = UnsafeBufferPointer(
                    start: matrix.pointer + row * matrix.rowWidth, count: matrix.rowWidth)
                let size = weights.reduce(0) { $0 + $1 * $1 } / Float(weights.count)
                // A row of zeros says nothing about its inputs.
                guard size > 0 else { continue }
                for (index, weight) in weights.enumerated() { sums[index] += weight * weight / size }
            }
        }
        return sums.map { ($0 / Float(rows)).squareRoot() }
    }
}
