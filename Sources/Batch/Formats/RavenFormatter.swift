internal import Wire

/// A selection table as Raven Pro and Raven Lite open it: tab-separated, a header line, a line per label of a window.
///
/// The first seven columns are those that Raven needs (Raven Pro User's Manual, chapter on selection tables); the
/// others are annotations, which Raven takes whatever they are called. Times count from the beginning of the recording.
struct RavenFormatter: RecordFormatter {
    static let columns = [
        "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)",
        "Begin Path", "Label", "Score", "Adapter",
    ]
    /// What the model hears: everything is resampled to 16 kHz.
    private static let highestFrequencyHz = 8000.0
    private var selection = 0

    var head: [UInt8] { Array((Self.columns.joined(separator: "\t") + "\n").utf8) }

    mutating func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        var lines: [UInt8] = []
        let nyquist =
            recording.sampleRateHz > 0 ? Double(recording.sampleRateHz) / 2 : Self.highestFrequencyHz
        let high = min(Self.highestFrequencyHz, nyquist)
        for label in record.labels {
            selection += 1
            let fields = [
                String(selection), "Spectrogram 1", "1", SelectionField.seconds(record.start),
                SelectionField.seconds(record.end), "0.0", FixedDecimals.text(high, decimals: 1) ?? "8000.0",
                SelectionField.text(record.file), SelectionField.text(label.label),
                FixedDecimals.text(Double(label.score), decimals: 6) ?? "",
                SelectionField.text(record.adapter ?? ""),
            ]
            lines += Array((fields.joined(separator: "\t") + "\n").utf8)
        }
        return lines
    }
}
