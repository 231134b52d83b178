private import Detection
private import Frontend
public import Inference

/// Scores windows of features with one or more variants of one base model.
///
/// Threading: one thread at a time; each owner has its own.
public final class WindowScorer {
    public let engine: Engine
    /// The variants that score each window; at least one, all of the same base.
    public private(set) var variants: [Variant]
    /// Where the base's files contradict each other; see ``BaseModel/notes``.
    public let notes: [String]

    // SAFETY: allocated in init and replaceVariants(with:), freed there and in deinit, used by one call at a
    // time.
    private var scores: UnsafeMutableBufferPointer<Float>

    /// - Parameters:
    ///   - variants: At least one, all of one base.
    ///   - threads: Of the forward pass.
    /// - Throws: `thread` when the system refuses that many threads.
    public init(_ variants: [Variant], threads: Int, notes: [String] = []) throws(ModelError) {
        precondition(!variants.isEmpty)
        self.variants = variants
        self.notes = notes
        engine = try Engine(threads: threads)
        scores = .allocate(capacity: 0)
        allocate()
    }

    /// Loads the model and the adapters that the options name.
    ///
    /// - Throws: ``ModelError``: the model or an adapter cannot be used.
    public convenience init(_ options: RecognizerOptions) throws(ModelError) {
        let maker = VariantMaker(
            base: try options.baseModel(),
            activation: options.activation, groups: options.groups)
        var variants: [Variant] = []
        for directory in options.adapters {
            let name = AdapterName.of(directory: directory)
            guard !variants.contains(where: { $0.adapter == name }) else {
                throw .unreadable(
                    path: directory,
                    reason: "two adapters are named \(name); rename one of their directories")
            }
            variants.append(try maker.variant(try Adapter(directory: directory), named: name))
        }
        if variants.isEmpty { variants = [maker.baseVariant] }
        try self.init(variants, threads: options.threads, notes: maker.base.notes)
    }

    deinit { scores.deallocate() }

    /// Frames of the longest window of the variants.
    public var windowFrames: Int { variants.longestWindowFrames }

    /// Scores the windows to come with other variants.
    ///
    /// - Returns: The replaced variants, so that the caller chooses the thread that frees their memory.
    public func replaceVariants(with variants: [Variant]) -> [Variant] {
        precondition(!variants.isEmpty)
        let replaced = self.variants
        self.variants = variants
        allocate()
        return replaced
    }

    private func allocate() {
        engine.prepare(for: variants.map(\.network))
        scores.deallocate()
        scores = .allocate(capacity: variants.map(\.labels.count).max() ?? 1)
    }

    /// Scores one window.
    ///
    /// - Parameters:
    ///   - variant: One of ``variants``.
    ///   - features: `[frames, mels]`, normalised for the variant.
    /// - Returns: Scores by index of ``Variant/labels``, valid until the next call; `nil` when some are
    ///   NaN or infinite, which means that the weights or the samples are broken.
    public func score(
        _ variant: Variant, features: UnsafeBufferPointer<Float>
    ) -> UnsafeBufferPointer<Float>? {
        let scores = UnsafeMutableBufferPointer(rebasing: scores[..<variant.labels.count])
        let classes = UnsafeMutableBufferPointer(rebasing: scores[..<variant.network.config.labels.count])
        engine.classify(variant.network, features, logits: classes)
        guard classes.allSatisfy(\.isFinite) else { return nil }
        variant.activation.activation.apply(classes)
        variant.grouped.apply(scores)
        return UnsafeBufferPointer(scores)
    }

    /// Measures the forward pass of a variant on silence: the second of two passes, because the first one
    /// reads the weights from the disk.
    ///
    /// - Parameters:
    ///   - variant: One of ``variants``.
    ///   - progress: Called after each pass.
    public func passSeconds(of variant: Variant, progress: () -> Void = {}) -> Double {
        let values = variant.frontend.windowFrames * variant.frontend.melBins
        let silence = [Float](repeating: 0, count: values)
        var seconds = 0.0
        for _ in 0..<2 {
            let time = ContinuousClock().measure {
                silence.withUnsafeBufferPointer { _ = score(variant, features: $0) }
            }
            seconds = time / .seconds(1)
            progress()
        }
        return seconds
    }

    /// Computes the pooled vector of one window; see ``Engine/pooledVector(of:)``.
    ///
    /// - Parameters: As ``score(_:features:)``.
    /// - Returns: `[hidden]`, valid until the next call; `nil` when some values are NaN or infinite.
    public func embed(
        _ variant: Variant, features: UnsafeBufferPointer<Float>
    ) -> UnsafeBufferPointer<Float>? {
        let classes = UnsafeMutableBufferPointer(rebasing: scores[..<variant.network.config.labels.count])
        engine.classify(variant.network, features, logits: classes)
        let vector = engine.pooledVector(of: variant.network)
        return vector.allSatisfy(\.isFinite) ? vector : nil
    }
}

extension [Variant] {
    /// Frames of the longest window; 1 without variants.
    package var longestWindowFrames: Int { map(\.frontend.windowFrames).max() ?? 1 }
}
