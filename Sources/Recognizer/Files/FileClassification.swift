private import Capture
private import Frontend
public import Wire

/// The classification of one open file, one window at a time, so that its caller can interleave several
/// files.
///
/// Threading: one thread at a time, the one that uses the scorer.
public final class FileClassification {
    /// What the records contain.
    public struct Options: Sendable, Equatable {
        /// Labels per window; `nil` for all.
        public var topK: Int?
        /// Lower scores are left out; `nil` for none.
        public var minimumScore: Float?
        public var rule: WindowRule

        public init(topK: Int? = 5, minimumScore: Float? = nil, _ rule: WindowRule = WindowRule()) {
            self.topK = topK
            self.minimumScore = minimumScore
            self.rule = rule
        }
    }

    private let name: String
    private let classifier: FileClassifier
    private let stream: WindowStream

    /// Seconds of audio read so far.
    public var seconds: Double { stream.seconds }
    /// What is not read of a file with several tracks, and why the mean of the channels does not represent
    /// them; `nil` when there is neither. Valid after the last window.
    public var warning: String? {
        let warnings = [stream.trackWarning, stream.warning].compactMap { $0 }
        return warnings.isEmpty ? nil : warnings.joined(separator: "; ")
    }

    /// - Parameters:
    ///   - descriptor: A regular file that is open for reading; the caller closes it. `nil`: `name` is the
    ///     path.
    ///   - name: Name of the file in records and messages.
    /// - Throws: ``FileClassifier/Failure``.
    public init(
        descriptor: Int32?, name: String, _ options: Options, _ scorer: WindowScorer
    ) throws(FileClassifier.Failure) {
        let reader: AudioFileReader
        do throws(CaptureError) {
            reader =
                if let descriptor {
                    try AudioFileReader(descriptor: descriptor, name: name, spoolsPipes: false)
                } else {
                    try AudioFileReader(path: name)
                }
        } catch {
            throw FileClassifier.Failure(error)
        }
        self.name = name
        classifier = FileClassifier(
            scorer, topK: options.topK, minimumScore: options.minimumScore, options.rule)
        stream = try classifier.windows(of: reader, name: name)
    }

    /// Reads and classifies the next window.
    ///
    /// - Returns: `nil` after the last window.
    /// - Throws: ``FileClassifier/Failure``; records returned before remain valid.
    public func next() throws(FileClassifier.Failure) -> BatchRecord? {
        guard let window = try classifier.next(of: stream) else { return nil }
        return classifier.record(try classifier.scores(window, name), of: window, name)
    }
}
