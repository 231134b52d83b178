internal import Wire

/// One file with the records of all recordings.
final class CombinedOutput {
    let file: OutputFile
    private var formatter: any RecordFormatter

    /// - Parameter kept: Bytes to keep of an interrupted run; 0 starts over.
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

/// A file for each recording, below one directory, named after the recording.
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

    /// A recording that failed before its first window gets no file. One without events gets an empty table.
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

    /// The recording's path below the directory: different for each recording, and never outside the
    /// directory.
    static func name(_ path: String) -> String {
        if path == "-" { return "standard-input" }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return parts.map { $0 == ".." ? "%2E%2E" : String($0) }.joined(separator: "/")
    }
}
