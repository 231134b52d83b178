/// Factors that move the range of a layer norm's outlying channels from the activations to the weights that
/// read them, so that both lose less when they are rounded to eight bits.
///
/// A row of activations shares one step, and a few channels with a large gain would make it too coarse for
/// all others. Such a channel is divided by the root of its excess over the others, and its column of weights
/// is multiplied by it; the product stays the same. Xiao et al.: "SmoothQuant", 2022 (arXiv:2211.10438). Here
/// the range of a channel is taken from the norm's gain and bias, so no calibration data are needed.
struct ActivationSmoothing {
    /// Factors by channel, at least 1.
    let factors: [Float]
    /// Equal for equal factors.
    let fingerprint: String

    /// The assumed range of a normalised channel, in standard deviations.
    private static let deviations: Float = 3

    /// Computes the factors from a norm's gain and bias, `[channels]`.
    init(gain: Tensor, bias: Tensor) {
        let reach = zip(gain.buffer, bias.buffer).map { Self.deviations * abs($0) + abs($1) }
        let usual = reach.filter { $0.isFinite && $0 > 0 }.sorted()
        let common = usual.isEmpty ? 1 : usual[usual.count * 9 / 10]
        let factors: [Float] = reach.map { reach in
            // NaN and infinity are not hidden.
            guard reach.isFinite, reach > common else { return 1 }
            return (reach / common).squareRoot()
        }
        var digest = Digest()
        factors.withUnsafeBytes { digest.add($0) }
        fingerprint = String(digest.hexadecimal().prefix(16))
        self.factors = factors
    }
}
