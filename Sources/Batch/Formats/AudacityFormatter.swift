internal import Wire

/// A label track as Audacity's File > Import > Labels reads it: start and end in seconds with six decimals, and the
/// text, separated by tabs. https://manual.audacityteam.org/man/importing_and_exporting_labels.html
///
/// The text is the label and its score; each label of a window is a region of its own.
struct AudacityFormatter: RecordFormatter {
    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        record.labels.flatMap { label in
            let score = FixedDecimals.text(Double(label.score), decimals: 3) ?? "?"
            let adapter = record.adapter.map { " [\($0)]" } ?? ""
            let fields = [
                SelectionField.seconds(record.start), SelectionField.seconds(record.end),
                SelectionField.text("\(label.label) \(score)\(adapter)"),
            ]
            return Array((fields.joined(separator: "\t") + "\n").utf8)
        }
    }
}

/// Fields of formats that separate them with tabs and know no quotes.
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
