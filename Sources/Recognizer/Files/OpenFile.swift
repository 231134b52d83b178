private import Capture
private import Frontend
public import Wire

/// A file that is classified a window at a time, for whoever has other things to do in between.
///
/// One thread at a time, and none but its recognizer's.
public final class OpenFile {
    /// What is told of a window: each, of each variant.
    public struct Choice: Sendable, Equatable {
        /// Labels a window; nil for all.
        public var topK: Int?
        /// Lower scores are left out; nil for none.
        public var minimumScore: Float?
        /// From one window to the next, in frames of 10 ms; nil for the window's length.
        public var hopFrames: Int?

        public init(topK: Int? = 5, minimumScore: Float? = nil, hopFrames: Int? = nil) {
            self.topK = topK
            self.minimumScore = minimumScore
            self.hopFrames = hopFrames
        }
    }

    private let name: String
    private let classifier: FileClassifier
    private let stream: WindowStream

    /// Seconds of audio that were read so far.
    public var seconds: Double { stream.seconds }

    /// - Parameters:
    ///   - descriptor: Of a regular file, open for reading; stays the caller's. `nil`: `name` is its path.
    ///   - name: What it is called in records and messages.
    /// - Throws: ``FileClassifier/Failure``.
    public init(
        descriptor: Int32?, name: String, _ choice: Choice, _ recognizer: Recognizer
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
            recognizer, topK: choice.topK, minimumScore: choice.minimumScore, hopFrames: choice.hopFrames)
        stream = classifier.windows(of: reader, name: name)
    }

    /// Reads on and classifies the next window.
    ///
    /// - Returns: `nil` after the last.
    /// - Throws: ``FileClassifier/Failure``; records before it stand.
    public func next() throws(FileClassifier.Failure) -> BatchRecord? {
        guard let window = try classifier.next(of: stream) else { return nil }
        return classifier.record(try classifier.scores(window, name), of: window, name)
    }
}
