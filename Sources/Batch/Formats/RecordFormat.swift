internal import TextSupport
internal import Wire

/// The forms in which a batch is told.
public enum RecordFormat: String, CaseIterable, Sendable {
    /// A line per window for people; errors go to standard error and not between the records.
    case text
    /// A JSON object a line.
    case jsonl
    /// A table with a line per label, RFC 4180.
    case csv
    /// A label track for Audacity; a file for each recording.
    case audacity
    /// A selection table for Raven; a file for each recording.
    case raven

    /// Whether times count from the beginning of one recording, so that each needs a file of its own.
    public var isPerRecording: Bool { self == .audacity || self == .raven }

    var fileExtension: String {
        switch self {
        case .text: "txt"
        case .jsonl: "jsonl"
        case .csv: "csv"
        case .audacity: "audacity.txt"
        case .raven: "raven.txt"
        }
    }

    func formatter(of content: BatchContent) -> any RecordFormatter {
        switch self {
        case .text: TextFormatter()
        case .jsonl: JSONLinesFormatter()
        case .csv: CSVFormatter(content)
        case .audacity: AudacityFormatter()
        case .raven: RavenFormatter(content)
        }
    }
}

/// What a batch tells of its files.
public enum BatchContent: String, Sendable {
    /// What the windows score.
    case windows
    /// What begins and ends in them.
    case events
}

/// Turns records into the bytes of one file.
protocol RecordFormatter {
    /// What the file begins with.
    var head: [UInt8] { get }
    /// What a record is in it.
    mutating func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8]
    /// What an event is in it.
    mutating func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8]
    /// What follows the last record of a recording, or stands for its error.
    mutating func end(of recording: FileSummary) -> [UInt8]
    /// What the file ends with.
    var tail: [UInt8] { get }
}

extension RecordFormatter {
    var head: [UInt8] { [] }
    func end(of recording: FileSummary) -> [UInt8] { [] }
    var tail: [UInt8] { [] }
}

struct JSONLinesFormatter: RecordFormatter {
    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] { record.encoded() }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] { event.encoded() }

    func end(of recording: FileSummary) -> [UInt8] { recording.error?.encoded() ?? [] }
}

struct TextFormatter: RecordFormatter {
    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        Array("\(record.sentence)\n".utf8)
    }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] {
        // Windows end at a multiple of 10 ms and 25 ms more.
        func decimals(_ number: Double) -> String { FixedDecimals.text(number, decimals: 3) ?? "?" }
        var span = "\(decimals(event.start))s - \(decimals(event.end))s"
        if let adapter = event.adapter { span += "  [\(adapter)]" }
        let about = "\(event.label) \(decimals(Double(event.peakScore))), \(decimals(event.duration))s"
        return Array("\(event.file)  \(span)  \(about)\n".utf8)
    }
}
