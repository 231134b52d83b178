/// Factors that move range between the channels of an activation and the weights that read them, so that both
/// lose little when they are rounded to eight bits.
///
/// A row of activations shares one step, and a few channels with a large range would make it too coarse for
/// all others; likewise the weights of one output. Each channel is divided by its factor where it is produced
/// and multiplied by it where it is read: the product stays the same. The factor is the root of the channel's
/// range over that of the weights that read it, so a network whose channels were scaled there and back, with
/// whatever numbers, is quantised about like the original. Channels that are not outlying have the factor 1:
/// the range is an estimate, and moving it between them gains nothing. Xiao et al.: "SmoothQuant", 2022
/// (arXiv:2211.10438). Here the ranges are estimated from weights (``ChannelRange``), so no calibration data
/// are needed.
///
/// Three activations can be smoothed, because what produces them is linear: the outputs of a LayerNorm; the
/// values, which attention only averages; queries against keys. The inner activations of the MLP cannot:
/// GELU(x / s) is not GELU(x) / s. A checkpoint with outlying channels there is left to ``PrecisionCheck``.
struct ActivationSmoothing {
    /// Positive factors by channel.
    let factors: [Float]
    /// Equal for equal factors.
    let fingerprint: String

    /// A channel is balanced if its range over that of its weights is more than this many times the median,
    /// or less than the median by as much.
    private static let usual: Float = 4
    /// Factors are within 1/limit...limit.
    private static let limit: Float = 0x1p20

    init(factors: [Float]) {
        var digest = Digest()
        factors.withUnsafeBytes { digest.add($0) }
        fingerprint = String(digest.hexadecimal().prefix(16))
        self.factors = factors
    }

    /// - Parameters:
    ///   - produced: The range of each channel.
    ///   - read: The range of the weights that read each channel.
    init(produced: [Float], read: [Float]) {
        let ratios = zip(produced, read).map { $0 / $1 }
        // A channel that is always zero, or never read, needs no factor. NaN and infinity are not hidden.
        func isUsable(_ ratio: Float) -> Bool { ratio.isFinite && ratio > 0 }
        let usable = ratios.filter(isUsable).sorted()
        let median = usable.isEmpty ? 1 : usable[usable.count / 2]
        self.init(
            factors: ratios.map { ratio in
                let excess = ratio / median
                guard isUsable(ratio), excess > Self.usual || excess < 1 / Self.usual else { return 1 }
                return min(max(excess.squareRoot(), 1 / Self.limit), Self.limit)
            })
    }

    /// The factors for the other operand of a product of these channels: keys, where these are of queries.
    var inverse: ActivationSmoothing { ActivationSmoothing(factors: factors.map { 1 / $0 }) }
}

/// The smoothing of the inputs that a matrix reads and of the outputs that it produces.
struct MatrixSmoothing {
    /// Multiplies the columns.
    var inputs: ActivationSmoothing?
    /// Divides the rows, and the bias.
    var outputs: ActivationSmoothing?

    static let none = MatrixSmoothing()

    /// Equal for equal factors.
    var fingerprint: String { "\(inputs?.fingerprint ?? "-")/\(outputs?.fingerprint ?? "-")" }
}
