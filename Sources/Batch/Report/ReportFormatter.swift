internal import Recognizer
internal import TextSupport
internal import Wire

/// The labels of each adapter, by class index, for the report.
public struct ReportLabels: Sendable {
    /// The name is `""` for the base model.
    let adapters: [(name: String, labels: [String])]

    public init(_ adapters: [(name: String?, labels: [String])]) {
        self.adapters = adapters.map { ($0.name ?? "", $0.labels) }
    }
}

/// A page that shows a batch: each file's labels over time, its spectrogram, and totals. It is one file that
/// loads only the recordings, when they are played.
///
/// The page is written file by file, with one line of JSON for each, so that memory does not grow with their
/// number.
struct ReportFormatter: RecordFormatter {
    private let path: String
    private let labels: ReportLabels
    private let content: BatchContent
    private var isInFile = false
    /// Events of the current file, which are written after its windows.
    private var events: [BatchEvent] = []

    init(path: String, _ labels: ReportLabels, of content: BatchContent = .windows) {
        self.path = path
        self.labels = labels
        self.content = content
    }

    var head: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("events", content == .events)
            json.key("adapters")
            json.array { json in
                for (name, labels) in labels.adapters {
                    json.object { json in
                        json.member("name", name)
                        json.member("labels", strings: labels)
                    }
                }
            }
        }
        return Array(ReportPage.head.utf8) + Self.escaped(json.bytes) + Array(ReportPage.beforeFiles.utf8)
    }

    mutating func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        var json = JSONWriter()
        json.array { json in
            json.seconds(record.start)
            json.seconds(record.end)
            json.integer(place(of: record.adapter))
            for label in record.labels {
                json.integer(label.index)
                json.number(Double(label.score), decimals: 4)
            }
        }
        return begin(recording) + Self.escaped(json.bytes)
    }

    mutating func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] {
        events.append(event)
        return []
    }

    mutating func end(of recording: FileSummary) -> [UInt8] {
        var bytes = isInFile ? [] : begin(recording)
        isInFile = false
        var json = JSONWriter()
        json.object { json in
            json.member("seconds", seconds: recording.seconds)
            if !events.isEmpty {
                json.key("events")
                json.array { json in for event in events { write(event, to: &json) } }
            }
            if let error = recording.error { json.member("error", error.message) }
            if let png = recording.columns?.png {
                json.member("picture", Base64.text(png))
            }
        }
        events = []
        // Continues the object that the array of windows is part of.
        bytes += Array("],".utf8) + Self.escaped(Array(json.bytes.dropFirst())) + [UInt8(ascii: "\n")]
        return bytes
    }

    func tail(_ skipped: SkippedFiles) -> [UInt8] {
        var json = JSONWriter()
        json.string(skipped.sentence ?? "")
        return Array(ReportPage.afterFiles.utf8) + Self.escaped(json.bytes)
            + Array((ReportPage.afterSkipped + ReportPage.script + ReportPage.tail).utf8)
    }

    private func write(_ event: BatchEvent, to json: inout JSONWriter) {
        json.array { json in
            json.seconds(event.start)
            json.seconds(event.end)
            json.integer(place(of: event.adapter))
            json.integer(event.index)
            json.number(Double(event.peakScore), decimals: 4)
        }
    }

    private func place(of adapter: String?) -> Int {
        labels.adapters.firstIndex { $0.name == adapter ?? "" } ?? 0
    }

    private mutating func begin(_ recording: FileSummary) -> [UInt8] {
        if isInFile { return [UInt8(ascii: ",")] }
        isInFile = true
        var json = JSONWriter()
        json.object { json in
            let channel = recording.channel.map { ", channel \($0)" } ?? ""
            json.member("file", recording.path + channel)
            if recording.path != "-" {
                json.member("source", RelativeURL.text(from: path, to: recording.path))
            }
            if let start = recording.start { json.member("start_time", start.text(atSeconds: 0)) }
            json.key("windows")
            json.null()
        }
        return Self.escaped(Array(json.bytes.dropLast(5))) + [UInt8(ascii: "[")]
    }

    /// Escapes `<`, so that no text can end the element that contains the JSON.
    private static func escaped(_ json: [UInt8]) -> [UInt8] {
        json.contains(UInt8(ascii: "<"))
            ? json.flatMap { $0 == UInt8(ascii: "<") ? Array(#"\u003c"#.utf8) : [$0] } : json
    }
}

/// RFC 4648, section 4.
enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let word = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            for place in 0..<4 {
                text.append(
                    place <= part.count ? alphabet[word >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
