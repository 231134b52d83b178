private import Detection
public import Frontend
public import Inference

/// From samples to scores with one base model: the sliding features, and the variants of the model that look at them.
///
/// Not for concurrent use; each owner has its own thread.
public final class Recognizer {
    public let features: SlidingFeatures
    public let engine: Engine
    /// Each window is classified by each; at least one, all of the same base.
    public private(set) var variants: [Variant]

    private var keptFrames: Int

    // SAFETY: both are allocated in init and use(_:), freed there and in deinit, and used by one call at a time.
    private var window: UnsafeMutableBufferPointer<Float>
    private var scores: UnsafeMutableBufferPointer<Float>

    /// - Parameters:
    ///   - variants: At least one, all of one base.
    ///   - threads: Of the forward pass.
    ///   - historyFrames: As ``RecognizerOptions/historyFrames``.
    ///   - keptFrames: Frames that are kept at least, so that a variant with so long a window can take over
    ///     without waiting for its window to fill.
    public init(_ variants: [Variant], threads: Int, historyFrames: Int = 0, keptFrames: Int = 0) {
        precondition(!variants.isEmpty)
        self.keptFrames = keptFrames
        self.variants = variants
        engine = Engine(threads: threads)
        features = SlidingFeatures(variants[0].frontend, historyFrames: historyFrames)
        window = .allocate(capacity: 0)
        scores = .allocate(capacity: 0)
        makeRoom()
    }

    /// Loads what the options say.
    ///
    /// - Throws: ``ModelError``: the model or an adapter cannot be used.
    public convenience init(_ options: RecognizerOptions) throws(ModelError) {
        let maker = VariantMaker(
            base: try BaseModel(directory: options.model, precision: options.precision, cache: options.cache),
            activation: options.activation)
        var variants: [Variant] = []
        for directory in options.adapters {
            variants.append(
                try maker.variant(
                    try LoRAAdapter(directory: directory), named: AdapterName.of(directory: directory)))
        }
        if variants.isEmpty { variants = [maker.published] }
        self.init(variants, threads: options.threads, historyFrames: options.historyFrames)
    }

    deinit {
        window.deallocate()
        scores.deallocate()
    }

    /// Frames of the longest window of the variants.
    public var windowFrames: Int { variants.map(\.frontend.windowFrames).max() ?? 1 }

    /// From now on windows are classified by these; the features of the stream stay.
    ///
    /// - Returns: Those before, so that the caller can choose where their memory is given back.
    public func use(_ variants: [Variant]) -> [Variant] {
        precondition(!variants.isEmpty)
        let earlier = self.variants
        self.variants = variants
        makeRoom()
        return earlier
    }

    private func makeRoom() {
        engine.prepare(for: variants.map(\.network))
        keptFrames = max(keptFrames, windowFrames)
        features.keep(windowFrames: keptFrames)
        window.deallocate()
        scores.deallocate()
        window = .allocate(capacity: windowFrames * features.config.melBins)
        scores = .allocate(capacity: variants.map(\.labels.count).max() ?? 1)
    }

    /// Classifies the window that begins at frame `start`; frames that are not there are padding.
    ///
    /// - Parameter variant: One of ``variants``.
    /// - Returns: Scores by class index, valid until the next call; `nil` when they are not numbers, which means
    ///   that the weights or the samples are broken.
    public func classify(_ variant: Variant, windowFrom start: Int) -> UnsafeBufferPointer<Float>? {
        classify(variant, features: copyWindow(variant, start))
    }

    /// Classifies a window whose features were made elsewhere.
    ///
    /// - Parameter features: `[frames, mels]`, normalised as the variant's front end says.
    /// - Returns: As ``classify(_:windowFrom:)``.
    public func classify(
        _ variant: Variant, features: UnsafeBufferPointer<Float>
    ) -> UnsafeBufferPointer<Float>? {
        let scores = UnsafeMutableBufferPointer(rebasing: scores[..<variant.labels.count])
        engine.classify(variant.network, features, logits: scores)
        guard scores.allSatisfy(\.isFinite) else { return nil }
        variant.activation.activation.apply(scores)
        return UnsafeBufferPointer(scores)
    }

    /// The normalised features of the window that begins at frame `start`, `[frames, mels]`.
    public func features(of variant: Variant, windowFrom start: Int) -> [Float] {
        Array(copyWindow(variant, start))
    }

    private func copyWindow(_ variant: Variant, _ start: Int) -> UnsafeBufferPointer<Float> {
        let frontend = variant.frontend
        let part = UnsafeMutableBufferPointer(rebasing: window[..<(frontend.windowFrames * frontend.melBins)])
        features.copyWindow(from: start, as: frontend, into: part)
        return UnsafeBufferPointer(part)
    }
}
