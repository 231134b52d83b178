private import SystemSupport
internal import TextSupport
internal import Wire

/// A selection table for Raven Pro and Raven Lite: tab-separated, with a header and a line per label of a
/// window, or per event.
///
/// Raven requires the first seven columns (Raven Pro User's Manual, chapter on selection tables); the others
/// are annotations, whose names are free. In the table of one recording, times count from its beginning. In a
/// combined table they count from the beginning of the first recording, as Raven counts when it opens all
/// recordings as one sequence; `File Offset (s)` counts from the beginning of the recording.
struct RavenFormatter: RecordFormatter {
    /// The model's upper limit: all audio is resampled to 16 kHz.
    private static let highestFrequencyHz = 8000.0
    private let content: BatchContent
    private let isCombined: Bool
    private var selection = 0
    /// Seconds of all recordings before the current one.
    private var precedingSeconds = 0.0

    init(_ content: BatchContent, isCombined: Bool = false) {
        self.content = content
        self.isCombined = isCombined
    }

    var head: [UInt8] {
        let columns =
            [
                "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
                "High Freq (Hz)", "Begin Path",
            ] + (isCombined ? ["File Offset (s)"] : []) + [
                "Label", content == .events ? "Peak Score" : "Score", "Adapter", "Begin Date Time",
            ] + (content == .events ? ["Onset Time (s)", "Onset Uncertainty (s)"] : [])
        return Array((columns.joined(separator: "\t") + "\n").utf8)
    }

    mutating func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        var lines: [UInt8] = []
        for label in record.labels {
            lines += line(
                record.start, record.end, record.channel, label.label, label.score, record.adapter,
                record.startTime, recording)
        }
        return lines
    }

    mutating func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] {
        // A selection needs a length: for an event of a single window, the window's last frame.
        line(
            min(event.start, event.end - 0.01), event.end, event.channel, event.label, event.peakScore,
            event.adapter, event.startTime, recording, onset: (event.onset, event.onsetUncertainty))
    }

    mutating func end(of recording: FileSummary) -> [UInt8] {
        if isCombined { precedingSeconds = Journal.microseconds(precedingSeconds + recording.seconds) }
        return []
    }

    mutating func resume(lines: Int, audioSeconds: Double) {
        selection = max(0, lines - 1)
        precedingSeconds = audioSeconds
    }

    private mutating func line(
        _ start: Double, _ end: Double, _ channel: Int?, _ label: String, _ score: Float,
        _ adapter: String?, _ time: String?, _ recording: FileSummary,
        onset: (seconds: Double, uncertainty: Double)? = nil
    ) -> [UInt8] {
        let nyquist =
            recording.sampleRateHz > 0 ? Double(recording.sampleRateHz) / 2 : Self.highestFrequencyHz
        let high = min(Self.highestFrequencyHz, nyquist)
        selection += 1
        let fields =
            [
                String(selection), "Spectrogram 1", String(channel ?? 1),
                SelectionField.seconds(precedingSeconds + start),
                SelectionField.seconds(precedingSeconds + end), "0.0",
                FixedDecimals.text(high, decimals: 1) ?? "8000.0", PathText.printable(recording.path),
            ] + (isCombined ? [SelectionField.seconds(start)] : []) + [
                SelectionField.text(label), FixedDecimals.text(Double(score), decimals: 6) ?? "",
                SelectionField.text(adapter ?? ""), time ?? "",
            ]
            + (onset.map { onset in
                [
                    SelectionField.seconds(precedingSeconds + onset.seconds),
                    SelectionField.seconds(onset.uncertainty),
                ]
            } ?? [])
        return Array((fields.joined(separator: "\t") + "\n").utf8)
    }
}
