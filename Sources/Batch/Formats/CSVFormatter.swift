internal import TextSupport
internal import Wire

/// A table by RFC 4180 with a line per label of a window, or per event. Lines end in CR LF; fields with
/// commas, quotes or line breaks are quoted. The line of a recording that failed has only `file`, `error` and
/// `message`.
struct CSVFormatter: RecordFormatter {
    private let content: BatchContent

    init(_ content: BatchContent) { self.content = content }

    private var columns: [String] {
        switch content {
        case .windows:
            [
                "file", "start", "end", "start_time", "end_time", "adapter", "aggregate", "channel", "index",
                "label", "score", "error", "message",
            ]
        case .events:
            [
                "file", "start", "end", "duration", "start_time", "end_time", "onset", "onset_uncertainty",
                "onset_time", "adapter", "channel", "index", "label", "hits", "windows", "peak_score",
                "error", "message",
            ]
        }
    }

    var head: [UInt8] { Self.line(columns) }

    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        record.labels.flatMap { label in
            Self.line([
                record.file, Self.seconds(record.start), Self.seconds(record.end), record.startTime ?? "",
                record.endTime ?? "", record.adapter ?? "",
                record.aggregate ?? "", Self.channel(record.channel), String(label.index), label.label,
                Self.score(label.score), "", "",
            ])
        }
    }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] {
        Self.line([
            event.file, Self.seconds(event.start), Self.seconds(event.end), Self.seconds(event.duration),
            event.startTime ?? "", event.endTime ?? "", Self.seconds(event.onset),
            Self.seconds(event.onsetUncertainty), event.onsetTime ?? "",
            event.adapter ?? "", Self.channel(event.channel), String(event.index), event.label,
            String(event.hits), String(event.windows),
            Self.score(event.peakScore), "", "",
        ])
    }

    func end(of recording: FileSummary) -> [UInt8] {
        guard let error = recording.error else { return [] }
        var fields = Array(repeating: "", count: columns.count)
        fields[0] = error.file
        if let channel = columns.firstIndex(of: "channel") { fields[channel] = Self.channel(error.channel) }
        fields.replaceSubrange(fields.count - 2..<fields.count, with: [error.code, error.message])
        return Self.line(fields)
    }

    static func channel(_ number: Int?) -> String { number.map(String.init) ?? "" }

    private static func score(_ score: Float) -> String { score.isFinite ? score.description : "" }

    static func seconds(_ value: Double) -> String {
        var json = JSONWriter()
        json.seconds(value)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    static func line(_ fields: [String]) -> [UInt8] {
        Array((fields.map(quoted).joined(separator: ",") + "\r\n").utf8)
    }

    private static func quoted(_ field: String) -> String {
        // To Swift, CR LF is one character, which is neither CR nor LF; so look at the scalars.
        let needsQuotes = field.unicodeScalars.contains { [",", "\"", "\r", "\n"].contains($0) }
        // Some readers remove spaces at the ends of a field without quotes.
        let hasOuterSpace = field.first == " " || field.last == " "
        guard needsQuotes || hasOuterSpace else { return field }
        var text = "\""
        for scalar in field.unicodeScalars {
            if scalar == "\"" { text.unicodeScalars.append(scalar) }
            text.unicodeScalars.append(scalar)
        }
        return text + "\""
    }
}
