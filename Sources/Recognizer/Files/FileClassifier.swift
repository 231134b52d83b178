package import Capture
package import Frontend
private import Inference
public import Wire

/// Classifies files window by window, in memory that does not grow with a file's length.
///
/// Threading: one thread at a time; a batch has a classifier for each job.
public final class FileClassifier {
    package let scorer: WindowScorer
    private let ranking: Ranking
    package let rule: WindowRule
    // SAFETY: the features of one window of the longest variant; freed in deinit, used by one call at a time.
    private let window: UnsafeMutableBufferPointer<Float>

    /// Why a file could not be classified to its end.
    public struct Failure: Error, Equatable, Sendable {
        public var code: String
        public var message: String

        package init(code: String, message: String) {
            self.code = code
            self.message = message
        }
    }

    /// - Parameters:
    ///   - topK: Labels per window; `nil` for all.
    ///   - minimumScore: Lower scores are left out; `nil` for none.
    ///   - rule: Which windows a file has.
    public init(_ scorer: WindowScorer, topK: Int?, minimumScore: Float?, _ rule: WindowRule = WindowRule()) {
        self.scorer = scorer
        ranking = Ranking(limit: topK, minimumScore: minimumScore)
        self.rule = rule
        let floats = scorer.variants.map { $0.frontend.windowFrames * $0.frontend.melBins }.max()
        window = .allocate(capacity: floats ?? 0)
    }

    deinit { window.deallocate() }

    /// Calls `emit` with every window's record, in order.
    ///
    /// - Parameter path: A file, or `-` for standard input.
    /// - Throws: ``Failure``; records emitted before remain valid.
    public func classify(path: String, emit: (BatchRecord) -> Void) throws(Failure) {
        let stream = try WindowStream(
            path: path, scorer.variants, rule, makeFeatures())
        while let next = try next(of: stream) { emit(record(try scores(next, path), of: next, path)) }
    }

    /// The normalised features of a file's first window, `[frames, mels]`; of its first channel with `each`.
    public func firstFeatures(path: String) throws(Failure) -> [Float] {
        let stream = try WindowStream(
            path: path, [scorer.variants[0]], WindowRule(channels: rule.channels), makeFeatures())
        guard let first = try next(of: stream) else { return [] }
        return Array(window[..<first.featureCount])
    }

    /// Copies the features of a stream's next window into this classifier's memory.
    package func next(of stream: WindowStream) throws(Failure) -> WindowStream.Window? {
        try stream.next(into: window)
    }

    /// Scores the window that ``next(of:)`` returned.
    ///
    /// - Returns: Scores by class index, valid until the next call.
    package func scores(
        _ window: WindowStream.Window, _ path: String
    ) throws(Failure) -> UnsafeBufferPointer<Float> {
        try finite(
            scorer.score(scorer.variants[window.variant], features: features(of: window)), window, path)
    }

    /// Computes the pooled vector of the window that ``next(of:)`` returned.
    ///
    /// - Returns: `[hidden]`, valid until the next call.
    package func vector(
        _ window: WindowStream.Window, _ path: String
    ) throws(Failure) -> UnsafeBufferPointer<Float> {
        try finite(
            scorer.embed(scorer.variants[window.variant], features: features(of: window)), window, path)
    }

    private func features(of window: WindowStream.Window) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(rebasing: self.window[..<window.featureCount])
    }

    private func finite(
        _ values: UnsafeBufferPointer<Float>?, _ window: WindowStream.Window, _ path: String
    ) throws(Failure) -> UnsafeBufferPointer<Float> {
        if let values { return values }
        let network = scorer.variants[window.variant].network
        let reason = network.brokenWeights()?.description ?? "the input may be corrupt"
        throw Failure(
            code: "not_finite", message: "\(path): the model produced NaN or infinite scores: \(reason)")
    }

    /// Makes the record of a window.
    package func record(
        _ scores: UnsafeBufferPointer<Float>, of window: WindowStream.Window, _ path: String,
        aggregate: String? = nil
    ) -> BatchRecord {
        let variant = scorer.variants[window.variant]
        return BatchRecord(
            file: path, start: window.startSeconds, end: window.endSeconds, channel: window.channel,
            adapter: scorer.variants.count > 1 ? variant.adapter : nil, aggregate: aggregate,
            labels: ranking.best(scores).map {
                ScoredLabel(index: $0.index, label: variant.labels[$0.index], score: $0.score)
            })
    }

    /// Opens a file for any classifier of the same variants.
    package func open(
        _ path: String, _ features: SlidingFeatures, observer: (any FrameObserver)?
    ) throws(Failure) -> WindowStream {
        try WindowStream(
            path: path, scorer.variants, rule, features, observer: observer)
    }

    /// Opens another channel of an open file.
    package func open(
        channel: Int, of other: WindowStream, _ features: SlidingFeatures, observer: (any FrameObserver)?
    ) throws(Failure) -> WindowStream {
        try WindowStream(channel: channel, of: other, rule, features, observer: observer)
    }

    /// The windows of an open file.
    package func windows(of reader: AudioFileReader, name: String) throws(Failure) -> WindowStream {
        try WindowStream(reader, path: name, scorer.variants, rule, makeFeatures())
    }

    /// Makes the features for another stream.
    package func makeFeatures() -> SlidingFeatures {
        let features = SlidingFeatures(scorer.variants[0].frontend)
        features.keep(windowFrames: scorer.windowFrames)
        return features
    }
}
