private import Inference
public import Recognizer

/// The options that determine a run's records. A run can be resumed only with the same values: only then are
/// its outputs, byte for byte, those of an uninterrupted run.
public struct ResumeFingerprint: Sendable {
    /// Stored by name, so that the error can say which option differs.
    let options: [(name: String, value: String)]

    static let threads = "threads per job"

    /// - Parameter options: Each option, as the user writes it, and its value.
    public init(_ options: [(name: String, value: String)] = []) { self.options = options }

    /// - Parameters:
    ///   - recognizer: `threads` is that of one job; the last bits of scores depend on it.
    ///   - topK: Labels per window; `nil` for all.
    ///   - rule: Which windows a file has.
    ///   - eventSettings: The detection settings as text; `nil` without events.
    public init(
        recognizer: RecognizerOptions, topK: Int?, minimumScore: Float?, _ rule: WindowRule,
        _ clock: RecordingClock, aggregation: Aggregation, eventSettings: String?, formats: [RecordFormat],
        report: String?
    ) {
        self.init([
            ("--model", recognizer.model), ("--adapter", recognizer.adapters.joined(separator: ",")),
            ("--precision", recognizer.precision.rawValue),
            ("--activation", recognizer.activation?.rawValue ?? "auto"),
            ("--top-k", topK.map(String.init) ?? "all"),
            ("--min-score", minimumScore.map { "\($0)" } ?? "none"),
            ("--hop", rule.hopFrames.map { "\(Double($0) / 100)" } ?? "none"),
            ("--channel", rule.channels.description), ("--last-window", rule.lastWindow.rawValue),
            ("--min-window", "\(Double(rule.minimumFrames) / 100)"),
            ("--start-time", clock.startText), ("--time-zone", clock.zoneText),
            ("--aggregate", aggregation.rawValue), ("--events", "\(eventSettings != nil)"),
            ("--set", eventSettings ?? "none"),
            ("--format", formats.map(\.rawValue).joined(separator: ",")), ("--report", report ?? "none"),
            (Self.threads, String(recognizer.threads)),
        ])
    }
}
