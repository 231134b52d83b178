private import Inference
public import Recognizer

/// The options that determine a run's records. A run can be resumed only with the same values: only then are
/// its outputs, byte for byte, those of an uninterrupted run.
public struct ResumeFingerprint: Sendable {
    /// Stored by name, so that the error can say which option differs.
    let options: [(name: String, value: String)]

    /// - Parameter options: Each option, as the user writes it, and its value.
    public init(_ options: [(name: String, value: String)] = []) { self.options = options }

    /// - Parameters:
    ///   - recognizer: `threads` is that of one job; the last bits of scores depend on it.
    ///   - topK: Labels per window; `nil` for all.
    ///   - hopFrames: `nil` for the window's length.
    ///   - eventSettings: The detection settings as text; `nil` without events.
    public init(
        recognizer: RecognizerOptions, topK: Int?, minimumScore: Float?, hopFrames: Int?,
        aggregation: Aggregation, eventSettings: String?, formats: [RecordFormat], report: String?
    ) {
        self.init([
            ("--model", recognizer.model), ("--adapter", recognizer.adapters.joined(separator: ",")),
            ("--precision", recognizer.precision.rawValue),
            ("--activation", recognizer.activation?.rawValue ?? "auto"),
            ("--top-k", topK.map(String.init) ?? "all"),
            ("--min-score", minimumScore.map { "\($0)" } ?? "none"),
            ("--hop", hopFrames.map { "\(Double($0) / 100)" } ?? "none"),
            ("--aggregate", aggregation.rawValue), ("--events", "\(eventSettings != nil)"),
            ("--set", eventSettings ?? "none"),
            ("--format", formats.map(\.rawValue).joined(separator: ",")), ("--report", report ?? "none"),
            ("threads per job", String(recognizer.threads)),
        ])
    }
}
