/// The differences between the logits of a network in int8 and in fp32, on the built-in windows.
public struct PrecisionComparison: Sendable, Equatable {
    /// RMS of the differences over all windows, relative to the RMS of the logits.
    public let relativeError: Float
    /// The largest difference of a logit.
    public let largestDifference: Float
    /// The largest logit in fp32, without sign, of all windows.
    public let largestLogit: Float
    /// RMS of the differences of the pooled tokens, relative to theirs. Unlike that of the logits it can be
    /// compared between a base and an adapter with another head.
    public let pooledError: Float
    /// The base's ``pooledError``; `nil` for the base itself.
    public var basePooledError: Float?

    /// Largest accepted ``relativeError``.
    public static let relativeLimit: Float = 0.1
    /// Up to this ``relativeError``, ``pooledError`` does not matter.
    private static let smallError: Float = 0.025
    /// Largest accepted ``pooledError``; `nil` where the base's is not known. An adapter may raise the base's
    /// by a quarter: one that amplifies rounding errors, such as a soft mixture whose slots pick single
    /// tokens, is not worth the time that int8 saves.
    public var pooledLimit: Float? { basePooledError.map { 1.25 * $0 } }
    /// Largest accepted ``largestDifference``: half a logit, which moves a score of 0.5 to 0.38 or 0.62; of
    /// networks with large logits a twentieth of the largest one.
    public var differenceLimit: Float { max(0.5, largestLogit / 20) }

    /// Whether int8 is exact enough. NaN and infinity are not.
    public var holds: Bool {
        relativeError <= Self.relativeLimit && largestDifference <= differenceLimit
            && (relativeError <= Self.smallError || pooledError <= pooledLimit ?? .infinity)
    }

    /// The differences and their limits in one line.
    public var text: String {
        guard largestDifference.isFinite, relativeError.isFinite else { return "int8 overflows" }
        return "int8 differs from fp32 by up to \(Self.rounded(largestDifference)) logits"
            + " (limit \(Self.rounded(differenceLimit))), \(Self.rounded(relativeError * 100)) % of their size"
            + " (limit \(Self.rounded(Self.relativeLimit * 100)) %)\(pooledText), on built-in windows"
    }

    private var pooledText: String {
        guard let basePooledError, relativeError > Self.smallError else { return "" }
        let ratio = Self.rounded(pooledError / basePooledError)
        return ", and its error before the head is \(ratio) times the base's (limit 1.25)"
    }

    private static func rounded(_ value: Float) -> Float { (value * 100).rounded() / 100 }
}

/// The reason why a network computes in fp32 although int8 was requested.
public struct PrecisionFallback: Sendable {
    public let comparison: PrecisionComparison

    /// The reason in one line.
    public var message: String { "\(comparison.text): computing in fp32" }
}
