internal import TextSupport
internal import Wire

/// Everything that a batch writes, and the journal that tells what of it is whole.
public final class BatchOutputs {
    /// Where to write.
    public enum Destination: Equatable, Sendable {
        case standardOutput
        case file(String)
        /// A file `labels.FORMAT` for each format that has all recordings in one file, and a file for each recording
        /// for the others.
        case directory(String)
    }

    /// The page, where there is one, is the last.
    private let combined: [CombinedOutput]
    private let perRecording: [PerRecordingOutput]
    private let journal: Journal?
    private let summaryPath: String?
    private let content: BatchContent

    /// Files that need not be classified again.
    var finished: FinishedFiles { journal?.finished ?? FinishedFiles() }
    /// Whether there is a page, which shows what files look like and what windows score.
    let hasPage: Bool
    /// Whether records and the progress line share a terminal.
    let isTerminal: Bool

    /// - Parameters:
    ///   - formats: At least one; several only for a directory.
    ///   - content: What the formats hold; the page has the windows in any case.
    ///   - report: Path of the page, or `nil`.
    ///   - labels: What the page knows before the first record.
    ///   - settings: Name and value of everything that decides about the records.
    ///   - resumes: Goes on with what an interrupted run left.
    /// - Throws: ``WriteError``: an output cannot be written, or an unfinished run is in the way.
    public init(
        _ formats: [RecordFormat], of content: BatchContent = .windows, to destination: Destination,
        report: String? = nil,
        labels: ReportLabels = ReportLabels([]), settings: [(String, String)] = [], resumes: Bool = false
    ) throws(WriteError) {
        var paths: [(String?, any RecordFormatter)] = []
        var folders: [PerRecordingOutput] = []
        for format in formats {
            switch destination {
            case .standardOutput: paths.append((nil, format.formatter(of: content)))
            case .file(let path): paths.append((path, format.formatter(of: content)))
            case .directory(let directory):
                if format.isPerRecording {
                    folders.append(PerRecordingOutput(format, of: content, directory))
                } else {
                    paths.append(
                        ("\(directory)/labels.\(format.fileExtension)", format.formatter(of: content)))
                }
            }
        }
        var journalPath: String?
        var output = ""
        switch destination {
        case .standardOutput: summaryPath = nil
        case .file(let path):
            summaryPath = nil
            journalPath = OutputFile.isRegularOrAbsent(path) ? path + ".journal" : nil
            output = path
        case .directory(let directory):
            try OutputFile.makeDirectory(directory)
            summaryPath = directory + "/summary.json"
            journalPath = directory + "/labels.journal"
            output = directory
        }
        if let report { paths.append((report, ReportFormatter(path: report, labels, of: content))) }
        if let path = journalPath, !resumes, Journal.exists(path) {
            throw WriteError(
                reason:
                    "\(path) is of a run that was interrupted: go on with --resume, or remove it to begin anew"
            )
        }
        let journal: Journal? =
            if let path = journalPath {
                try Journal(
                    path: path, of: output, settings: settings, outputs: paths.count, resumes: resumes)
            } else {
                nil
            }
        self.journal = journal
        var outputs: [CombinedOutput] = []
        do throws(WriteError) {
            for (index, (path, formatter)) in paths.enumerated() {
                outputs.append(
                    try CombinedOutput(path: path, formatter, keeping: journal?.sizes?[index] ?? 0))
            }
        } catch {
            // Nothing was begun that could be gone on with.
            if journal?.sizes == nil { journal?.remove() }
            throw error
        }
        combined = outputs
        perRecording = folders
        self.content = content
        hasPage = report != nil
        isTerminal = outputs.contains { $0.file.isTerminal }
    }

    /// Whether a run to `destination` was finished before: then there is nothing to go on with.
    public static func isFinished(_ destination: Destination) -> Bool {
        switch destination {
        case .standardOutput: false
        case .file(let path): Journal.exists(path) && !Journal.exists(path + ".journal")
        case .directory(let directory):
            Journal.exists(directory + "/summary.json") && !Journal.exists(directory + "/labels.journal")
        }
    }

    func write(_ record: BatchRecord, of file: FileSummary) throws(WriteError) {
        for output in content == .events ? combined.suffix(hasPage ? 1 : 0) : combined[...] {
            try output.write(record, of: file)
        }
        guard content == .windows else { return }
        for output in perRecording { try output.write(record, of: file) }
    }

    func write(_ event: BatchEvent, of file: FileSummary) throws(WriteError) {
        for output in combined { try output.write(event, of: file) }
        for output in perRecording { try output.write(event, of: file) }
    }

    /// The file's last record was written, or its error is.
    func end(_ file: FileSummary) throws(WriteError) {
        // First the files of its own: what the journal knows as finished is there.
        for output in perRecording { try output.end(file) }
        for output in combined { try output.end(file) }
        try journal?.note(
            Journal.Entry(
                path: file.path, hasFailed: file.error != nil, windows: file.windows, events: file.events,
                seconds: file.seconds,
                sizes: combined.map(\.file.size)), sync: syncAll)
    }

    /// All files were told.
    func finish(_ result: BatchRun.Result) throws(WriteError) {
        for output in combined { try output.writeTail() }
        for output in combined { try output.file.finish() }
        if let summaryPath {
            let file = try OutputFile(path: summaryPath)
            try file.write(summary(result))
            try file.finish()
        }
        journal?.remove()
    }

    /// The run ends before its end: what is finished stays, and nothing half.
    func interrupt() throws(WriteError) {
        guard let journal else {
            for output in combined { output.file.discard() }
            return
        }
        for (index, output) in combined.enumerated() {
            try output.file.keep(journal.sizes?[index] ?? 0)
        }
        for output in perRecording { output.discard() }
        try journal.flush(sync: syncAll)
    }

    private func syncAll() throws(WriteError) {
        for output in combined { try output.file.sync() }
    }

    /// What does not depend on when and how it was done, so that a resumed run has the same.
    private func summary(_ result: BatchRun.Result) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("files", result.files)
            json.member("failed", result.failed)
            json.member("windows", result.windows)
            if content == .events { json.member("events", result.events) }
            json.member("audio_seconds", seconds: result.audioSeconds)
        }
        json.newline()
        return json.bytes
    }
}

/// One file with the records of all recordings.
final class CombinedOutput {
    let file: OutputFile
    private var formatter: any RecordFormatter

    /// - Parameter kept: Bytes of an unfinished run; 0 begins anew.
    init(path: String?, _ formatter: any RecordFormatter, keeping kept: Int64) throws(WriteError) {
        self.formatter = formatter
        file = try OutputFile(path: path, keeping: kept)
        if kept == 0 { try file.write(formatter.head) }
    }

    func write(_ record: BatchRecord, of recording: FileSummary) throws(WriteError) {
        try file.write(formatter.lines(record, of: recording))
    }

    func write(_ event: BatchEvent, of recording: FileSummary) throws(WriteError) {
        try file.write(formatter.lines(event, of: recording))
    }

    func end(_ recording: FileSummary) throws(WriteError) { try file.write(formatter.end(of: recording)) }

    func writeTail() throws(WriteError) { try file.write(formatter.tail) }
}

/// A file for each recording, under a directory, named as the recording is.
final class PerRecordingOutput {
    private let format: RecordFormat
    private let content: BatchContent
    private let directory: String
    private var current: CombinedOutput?

    init(_ format: RecordFormat, of content: BatchContent, _ directory: String) {
        self.format = format
        self.content = content
        self.directory = directory
    }

    func write(_ record: BatchRecord, of recording: FileSummary) throws(WriteError) {
        try output(recording).write(record, of: recording)
    }

    func write(_ event: BatchEvent, of recording: FileSummary) throws(WriteError) {
        try output(recording).write(event, of: recording)
    }

    /// A recording without a single window has no file; one without an event has one, which says so.
    func end(_ recording: FileSummary) throws(WriteError) {
        guard current != nil || recording.error == nil || recording.windows > 0 else { return }
        let output = try output(recording)
        try output.end(recording)
        try output.file.finish()
        current = nil
    }

    func discard() {
        current?.file.discard()
        current = nil
    }

    private func output(_ recording: FileSummary) throws(WriteError) -> CombinedOutput {
        if let current { return current }
        let path = "\(directory)/\(Self.name(recording.path)).\(format.fileExtension)"
        if let slash = path.lastIndex(of: "/") { try OutputFile.makeDirectory(String(path[..<slash])) }
        let output = try CombinedOutput(path: path, format.formatter(of: content), keeping: 0)
        current = output
        return output
    }

    /// The recording's path below the directory: two recordings never share a name, and none is outside.
    static func name(_ path: String) -> String {
        if path == "-" { return "standard-input" }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return parts.map { $0 == ".." ? "%2E%2E" : String($0) }.joined(separator: "/")
    }
}
