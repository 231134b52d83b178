/// What makes a norm's outputs, and the weights that read them, equally hard to round to eight bits.
///
/// A row of activations shares one step, and a few channels with a large gain would make it too wide for all others. So
/// such a channel is divided by the root of how far it reaches beyond the others, and its column of weights multiplied
/// with that: the product stays the same. Xiao et al.: "SmoothQuant", 2022 (arXiv:2211.10438); here the norm's own numbers say how far a channel reaches,
/// and nothing has to be measured on examples.
struct ActivationSmoothing {
    /// By channel, at least 1.
    let factors: [Float]
    /// The same for the same factors.
    let fingerprint: String

    /// Standard deviations that a normalised channel is taken to reach.
    private static let deviations: Float = 3

    /// - Parameters: Of the norm, `[channels]`.
    init(gain: Tensor, bias: Tensor) {
        let reach = zip(gain.buffer, bias.buffer).map { Self.deviations * abs($0) + abs($1) }
        let usual = reach.filter { $0.isFinite && $0 > 0 }.sorted()
        let common = usual.isEmpty ? 1 : usual[usual.count * 9 / 10]
        let factors: [Float] = reach.map { reach in
            // What is no number stays so.
            guard reach.isFinite, reach > common else { return 1 }
            return (reach / common).squareRoot()
        }
        var digest = Digest()
        factors.withUnsafeBytes { digest.add($0) }
        fingerprint = String(digest.hexadecimal().prefix(16))
        self.factors = factors
    }
}
