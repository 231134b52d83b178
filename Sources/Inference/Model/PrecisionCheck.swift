/// Compares a network in int8 with the same network in fp32, on built-in windows.
///
/// For most networks the logits differ by 1 to 4 % of their size. A checkpoint with outlying channels in the
/// MLP, or an adapter whose changes are many times as large as the base's weights, can make all scores wrong;
/// nothing else would detect that.
struct PrecisionCheck {
    /// Increment it when the method or the quantisation changes: remembered results of other versions are
    /// ignored.
    private static let version = "4"

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
    ///   - whole: On windows of the network's length; see ``needsWholeWindows(_:)``.
    ///   - exact: Builds the same network in fp32; called only when no result is stored.
    /// - Throws: ``ModelError`` of `exact`, or when no thread can be started.
    func compare(
        _ network: AST, files: [String], whole: Bool = false, exact: () throws(ModelError) -> AST
    ) throws(ModelError) -> PrecisionComparison {
        let layout = QuantizedGEMM(.int8)?.layout ?? ""
        let question =
            "\(Self.version) \(layout) \(AttentionKernels(.int8).name)"
            + (whole ? " whole" : "")
        if let known = cache?.numbers(about: weights + files, question), known.count == 4 {
            return PrecisionComparison(
                relativeError: known[0], largestDifference: known[1], largestLogit: known[2],
                pooledError: known[3])
        }
        let found = try Self.compare(network, with: try exact(), whole: whole, threads: threads)
        cache?.remember(
            [found.relativeError, found.largestDifference, found.largestLogit, found.pooledError],
            about: weights + files, question)
        return found
    }

    /// Frames of a built-in window. An error of int8 does not need the whole length of a window, and four
    /// passes of a large network in fp32 would be most of its first start.
    private static let frames = 256

    static func shortened(_ network: AST) -> AST {
        guard network.config.dimensions.frames > frames else { return network }
        return AST(network, frames: max(frames, network.config.dimensions.patch))
    }

    /// Whether a network must be compared on windows of its own length.
    static func needsWholeWindows(_ network: AST) -> Bool {
        let tokens = shortened(network).config.dimensions.tokens
        return tokens < network.config.dimensions.tokens
            && !network.adapterModules.allSatisfy { $0.isSame(onTokens: tokens) }
    }

    private static func compare(
        _ network: AST, with exact: AST, whole: Bool, threads: Int
    ) throws(ModelError) -> PrecisionComparison {
        let engine = try Engine(threads: threads)
        return whole
            ? compare(network, with: exact, engine)
            : compare(shortened(network), with: shortened(exact), engine)
    }

    static func compare(_ network: AST, with exact: AST, _ engine: Engine) -> PrecisionComparison {
        engine.prepare(for: [network, exact])
        func compute(_ network: AST, _ features: [Float]) -> (logits: [Float], pooled: [Float]) {
            var pooled: [Float] = []
            engine.probe = { stage, values in if stage == .pooled { pooled = Array(values) } }
            defer { engine.probe = nil }
            var logits = [Float](repeating: 0, count: network.config.labels.count)
            features.withUnsafeBufferPointer { features in
                logits.withUnsafeMutableBufferPointer { engine.classify(network, features, logits: $0) }
            }
            return (logits, pooled)
        }
        func sumOfSquares(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 } }
        func sumOfSquares(between a: [Float], _ b: [Float]) -> Float {
            zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        func ratio(_ errors: Float, _ squares: Float) -> Float {
            squares > 0 ? (errors / squares).squareRoot() : 0
        }
        var (squares, errors, largest, size) = (Float(0), Float(0), Float(0), Float(0))
        var (pooledSquares, pooledErrors) = (Float(0), Float(0))
        for window in ProbeWindows.allCases {
            let features = window.features(network.config.features)
            let (right, pooled) = compute(exact, features)
            // If fp32 itself overflows, or has no output, there is nothing to compare with.
            guard sumOfSquares(right).isFinite, sumOfSquares(right) > 0 else { continue }
            let rounded = compute(network, features)
            let differences = zip(rounded.logits, right).map { abs($0 - $1) }
            squares += sumOfSquares(right)
            errors += sumOfSquares(differences)
            pooledSquares += sumOfSquares(pooled)
            pooledErrors += sumOfSquares(between: rounded.pooled, pooled)
            largest = differences.reduce(largest, larger)
            size = right.reduce(size) { max($0, abs($1)) }
        }
        return PrecisionComparison(
            relativeError: ratio(errors, squares), largestDifference: largest, largestLogit: size,
            pooledError: ratio(pooledErrors, pooledSquares))
    }

    /// The larger of two numbers; NaN if one of them is.
    private static func larger(_ a: Float, _ b: Float) -> Float { a.isNaN || b <= a ? a : b }
}
