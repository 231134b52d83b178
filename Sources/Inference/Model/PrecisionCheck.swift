/// The reason why a network computes in fp32 although int8 was requested: int8 would change its scores too
/// much.
public struct PrecisionFallback: Sendable {
    /// RMS of the differences between logits in int8 and in fp32, relative to the RMS of the logits.
    public let error: Float

    /// The reason in one line.
    public var message: String {
        let percent = (error * 1000).rounded() / 10
        let limit = Int(PrecisionCheck.limit * 100)
        return error.isFinite
            ? "int8 would change the scores by \(percent) % (at most \(limit) % is accepted): computing in fp32"
            : "int8 overflows: computing in fp32"
    }
}

/// Compares a network in int8 with the same network in fp32, on a built-in window.
///
/// For most networks the logits differ by 1 to 4 % of their size. A checkpoint with outlying channels, or an
/// adapter whose changes are many times as large as the base's weights, can make all scores wrong; nothing
/// else would detect that.
struct PrecisionCheck {
    /// Largest accepted relative error.
    static let limit: Float = 0.1
    /// Increment it when the method changes: remembered results of other versions are ignored.
    private static let version = "1"

    private let cache: PackedCache?
    private let weights: [String]
    private let threads: Int

    /// - Parameters:
    ///   - cache: Stores results.
    ///   - weights: The base's files.
    init(_ cache: PackedCache?, weights: [String], threads: Int) {
        self.cache = cache
        self.weights = weights
        self.threads = threads
    }

    /// - Parameters:
    ///   - network: The network in int8.
    ///   - files: The files that the network was built from, besides the base's weights.
    ///   - exact: Builds the same network in fp32; called only when no result is stored.
    /// - Throws: ``ModelError`` of `exact`, or when no thread can be started.
    /// - Returns: `nil` when the two agree, or when fp32 itself gives NaN or infinite scores.
    func fallback(
        _ network: AST, files: [String], exact: () throws(ModelError) -> AST
    ) throws(ModelError) -> PrecisionFallback? {
        let layout = QuantizedGEMM(.int8)?.layout ?? ""
        let question = "\(Self.version) \(layout) \(AttentionKernels(.int8).name)"
        let error: Float
        if let known = cache?.number(about: weights + files, question) {
            error = known
        } else {
            error = try Self.error(of: network, beside: try exact(), threads: threads)
            cache?.remember(error, about: weights + files, question)
        }
        return error <= Self.limit ? nil : PrecisionFallback(error: error)
    }

    private static func error(
        of network: AST, beside exact: AST, threads: Int
    ) throws(ModelError) -> Float {
        let features = probe(network.config.dimensions)
        let engine = try Engine(threads: threads)
        engine.prepare(for: [network, exact])
        func logits(_ network: AST) -> [Float] {
            var logits = [Float](repeating: 0, count: network.config.labels.count)
            features.withUnsafeBufferPointer { features in
                logits.withUnsafeMutableBufferPointer { engine.classify(network, features, logits: $0) }
            }
            return logits
        }
        let right = logits(exact)
        let size = right.reduce(0) { $0 + $1 * $1 }
        guard size.isFinite, size > 0 else { return 0 }
        return (zip(logits(network), right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / size)
            .squareRoot()
    }

    /// Normalised log-mel energies: one third each of faint noise, of a voice's harmonics in syllables, and
    /// of a loud siren.
    private static func probe(_ dimensions: ModelDimensions) -> [Float] {
        var state: UInt32 = 1
        func noise() -> Float {
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(state >> 8) / Float(1 << 23) - 1
        }
        /// A triangle of height 1 and period 1.
        func wave(_ phase: Float) -> Float { abs(phase - phase.rounded(.down) - 0.5) * 2 }
        var features: [Float] = []
        for frame in 0..<dimensions.frames {
            for bin in 0..<dimensions.melBins {
                let (x, y) = (Float(bin) / Float(dimensions.melBins), Float(frame))
                var value = -0.6 - 0.5 * x + 0.15 * noise()
                switch 3 * frame / max(1, dimensions.frames) {
                case 1: value += 1.2 * wave(y / 25) * wave(12 * x + y / 400) * (1 - x)
                case 2: value += max(0, 1.4 - 30 * abs(x - 0.4 - 0.25 * wave(y / 90)))
                default: break
                }
                features.append(value)
            }
        }
        return features
    }
}
