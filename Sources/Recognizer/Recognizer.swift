public import Detection
public import Frontend
public import Inference

/// What to load and how to run it.
public struct RecognizerOptions: Sendable {
    public var model: String
    public var adapter: String?
    /// Threads of the forward pass.
    public var threads: Int
    /// `nil`: what the model says.
    public var activation: Activation?

    /// Frames beyond the newest window whose predecessors can still be had: a live stream's hop.
    public var historyFrames: Int

    public init(
        model: String, adapter: String? = nil, threads: Int, activation: Activation? = nil,
        historyFrames: Int = 0
    ) {
        self.model = model
        self.adapter = adapter
        self.threads = threads
        self.activation = activation
        self.historyFrames = historyFrames
    }
}

/// From samples to scores with one model: the sliding features, the network, the activation.
///
/// Not for concurrent use; each owner has its own thread.
public final class Recognizer {
    public let config: ModelConfig
    public let activation: ActivationChoice
    public let features: SlidingFeatures
    public let network: AST

    // SAFETY: both are allocated in init, freed in deinit, and used by one call at a time.
    private let window: UnsafeMutableBufferPointer<Float>
    private let scores: UnsafeMutableBufferPointer<Float>

    /// - Throws: ``ModelError``: the model or the adapter cannot be used.
    public init(_ options: RecognizerOptions) throws(ModelError) {
        network = try AST(directory: options.model, adapter: options.adapter, threads: options.threads)
        config = network.config
        activation = ActivationChoice(
            requested: options.activation, multiLabel: config.problemType.map { $0 == .multiLabel },
            labels: config.labels)
        let frontend = FrontendConfig(config.features)
        features = SlidingFeatures(frontend, historyFrames: options.historyFrames)
        window = .allocate(capacity: frontend.windowFrames * frontend.melBins)
        scores = .allocate(capacity: config.labels.count)
    }

    deinit {
        window.deallocate()
        scores.deallocate()
    }

    /// Classifies the window that begins at frame `start`; frames that are not there are padding.
    ///
    /// - Returns: Scores by class index, valid until the next call; `nil` when they are not numbers, which means
    ///   that the weights or the samples are broken.
    public func classify(windowFrom start: Int) -> UnsafeBufferPointer<Float>? {
        features.copyWindow(from: start, into: window)
        network.classify(UnsafeBufferPointer(window), logits: scores)
        guard scores.allSatisfy(\.isFinite) else { return nil }
        activation.activation.apply(scores)
        return UnsafeBufferPointer(scores)
    }

    /// The normalised features of the window that begins at frame `start`, `[frames, mels]`.
    public func features(windowFrom start: Int) -> [Float] {
        features.copyWindow(from: start, into: window)
        return Array(window)
    }
}

extension FrontendConfig {
    /// The front end that a model was trained with.
    public init(_ settings: FeatureSettings) {
        self.init(
            melBins: settings.melBins, windowFrames: settings.frames,
            normalisation: settings.normalises
                ? .init(mean: Double(settings.mean), standardDeviation: Double(settings.standardDeviation))
                : nil)
    }
}
