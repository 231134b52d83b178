internal import TextSupport
internal import Wire

/// A label track for Audacity's File > Import > Labels: start and end in seconds with six decimals and the
/// text, separated by tabs. https://manual.audacityteam.org/man/importing_and_exporting_labels.html
///
/// The text is the label, its score and the channel, unless that is the mean of all. Each label of a window
/// is a region, and so is each event. An event of a single window has no length and becomes a point label.
struct AudacityFormatter: RecordFormatter {
    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        record.labels.flatMap {
            Self.line(
                record.start, record.end, $0.label, $0.score, record.channel, record.adapter, record.startTime
            )
        }
    }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] {
        Self.line(
            event.start, event.end, event.label, event.peakScore, event.channel, event.adapter,
            event.startTime)
    }

    private static func line(
        _ start: Double, _ end: Double, _ label: String, _ score: Float, _ channel: Int?,
        _ adapter: String?, _ time: String?
    ) -> [UInt8] {
        let digits = FixedDecimals.text(Double(score), decimals: 3) ?? "?"
        let channel = channel.map { " [channel \($0)]" } ?? ""
        let text =
            "\(label) \(digits)\(channel)\(adapter.map { " [\($0)]" } ?? "")\(time.map { " " + $0 } ?? "")"
        let fields = [
            SelectionField.seconds(start), SelectionField.seconds(end), SelectionField.text(text),
        ]
        return Array((fields.joined(separator: "\t") + "\n").utf8)
    }
}

/// Fields of formats that separate them with tabs and have no quotes.
enum SelectionField {
    static func seconds(_ value: Double) -> String { FixedDecimals.text(value, decimals: 6) ?? "0.000000" }

    /// Tabs and line breaks become spaces.
    static func text(_ text: String) -> String {
        var field = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            field.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return String(field)
    }
}
