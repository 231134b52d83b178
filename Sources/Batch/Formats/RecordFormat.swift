private import SystemSupport
internal import TextSupport
internal import Wire

/// The output formats of a batch.
public enum RecordFormat: String, CaseIterable, Sendable {
    /// A line per window, for people; errors are only printed on standard error.
    case text
    /// One JSON object per line.
    case jsonl
    /// A table with a line per label, RFC 4180.
    case csv
    /// A label track for Audacity, one file for each recording.
    case audacity
    /// A selection table for Raven, one file for each recording.
    case raven
    /// One selection table of all recordings, which Raven opens as a sequence.
    case ravenCombined = "raven-combined"

    /// Whether the format holds only one recording per file, because its times count from the recording's
    /// beginning.
    public var isPerRecording: Bool { self == .audacity || self == .raven }

    var fileExtension: String {
        switch self {
        case .text: "txt"
        case .jsonl: "jsonl"
        case .csv: "csv"
        case .audacity: "audacity.txt"
        case .raven, .ravenCombined: "raven.txt"
        }
    }

    func formatter(of content: BatchContent) -> any RecordFormatter {
        switch self {
        case .text: TextFormatter()
        case .jsonl: JSONLinesFormatter()
        case .csv: CSVFormatter(content)
        case .audacity: AudacityFormatter()
        case .raven: RavenFormatter(content)
        case .ravenCombined: RavenFormatter(content, isCombined: true)
        }
    }
}

/// What the records of a batch are.
public enum BatchContent: String, Sendable {
    /// The scores of windows.
    case windows
    /// The sound events detected in the windows.
    case events
}

/// Turns records into the bytes of one file.
protocol RecordFormatter {
    /// The beginning of the file.
    var head: [UInt8] { get }
    /// A window's record.
    mutating func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8]
    /// An event.
    mutating func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8]
    /// The pooled vector of a window; the record has no labels.
    func bytes(_ vector: [Float], of window: BatchRecord) -> [UInt8]
    /// The end of a recording, after its last record, with its error.
    mutating func end(of recording: FileSummary) -> [UInt8]
    /// Continues a file that an interrupted run began.
    ///
    /// - Parameters:
    ///   - lines: Number of lines that the file has, with those of ``head``.
    ///   - audioSeconds: Seconds of the finished recordings.
    mutating func resume(lines: Int, audioSeconds: Double)
    /// The end of the file.
    func tail(_ skipped: SkippedFiles) -> [UInt8]
    /// What replaces ``head`` when the file is complete, of the same length; `nil` leaves it.
    ///
    /// - Parameter size: Bytes of the complete file.
    func completedHead(size: Int64) -> [UInt8]?
}

extension RecordFormatter {
    var head: [UInt8] { [] }
    func end(of recording: FileSummary) -> [UInt8] { [] }
    func resume(lines: Int, audioSeconds: Double) {}
    func tail(_ skipped: SkippedFiles) -> [UInt8] { [] }
    func bytes(_ vector: [Float], of window: BatchRecord) -> [UInt8] { [] }
    func completedHead(size: Int64) -> [UInt8]? { nil }
}

struct JSONLinesFormatter: RecordFormatter {
    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] { record.encoded() }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] { event.encoded() }

    func end(of recording: FileSummary) -> [UInt8] { recording.error?.encoded() ?? [] }
}

struct TextFormatter: RecordFormatter {
    func lines(_ record: BatchRecord, of recording: FileSummary) -> [UInt8] {
        Array((PathText.printable(record.sentence) + "\n").utf8)
    }

    func lines(_ event: BatchEvent, of recording: FileSummary) -> [UInt8] {
        // The frames of a window reach 15 ms beyond a multiple of 10 ms.
        func decimals(_ number: Double) -> String { FixedDecimals.text(number, decimals: 3) ?? "?" }
        var span = "\(decimals(event.start))s - \(decimals(event.end))s"
        if let channel = event.channel { span += "  channel \(channel)" }
        if let adapter = event.adapter { span += "  [\(adapter)]" }
        let about = "\(event.label) \(decimals(Double(event.peakScore))), \(decimals(event.duration))s"
        return Array((PathText.printable("\(event.file)  \(span)  \(about)") + "\n").utf8)
    }
}
