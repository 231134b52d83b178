internal import Wire

/// One file with the records of all recordings.
final class CombinedOutput {
    let file: OutputFile
    private var formatter: any RecordFormatter

    /// - Parameters:
    ///   - kept: Bytes to keep of an interrupted run; 0 starts over.
    ///   - audioSeconds: Seconds of the recordings that the interrupted run finished.
    init(
        path: String?, _ formatter: any RecordFormatter, keeping kept: Int64, audioSeconds: Double = 0
    ) throws(WriteError) {
        self.formatter = formatter
        file = try OutputFile(path: path, keeping: kept)
        if kept == 0 {
            try file.write(formatter.head)
        } else {
            self.formatter.resume(lines: try file.lineCount(), audioSeconds: audioSeconds)
        }
    }

    func write(_ record: BatchRecord, of recording: FileSummary) throws(WriteError) {
        try file.write(formatter.lines(record, of: recording))
    }

    func write(_ event: BatchEvent, of recording: FileSummary) throws(WriteError) {
        try file.write(formatter.lines(event, of: recording))
    }

    func write(_ vector: [Float], _ window: BatchRecord) throws(WriteError) {
        try file.write(formatter.bytes(vector, of: window))
    }

    func end(_ recording: FileSummary) throws(WriteError) { try file.write(formatter.end(of: recording)) }

    func writeTail(_ skipped: SkippedFiles) throws(WriteError) {
        try file.write(formatter.tail(skipped))
        if let head = formatter.completedHead(size: file.size) { try file.replaceHead(with: head) }
    }
}

/// A file for each recording, below one directory, named after the recording.
///
/// A name that the directory's file system does not accept is a failure of that recording; any other failure,
/// such as a full disk, ends the run.
final class PerRecordingOutput {
    private let format: RecordFormat
    private let content: BatchContent
    private let directory: String
    private let names: RecordingNames
    private var current: CombinedOutput?
    private var failure: WriteError?

    init(_ format: RecordFormat, of content: BatchContent, _ directory: String) {
        self.format = format
        self.content = content
        self.directory = directory
        names = RecordingNames(directory: directory, suffix: "." + format.fileExtension)
    }

    func write(_ record: BatchRecord, of recording: FileSummary) throws(WriteError) {
        try output(recording)?.write(record, of: recording)
    }

    func write(_ event: BatchEvent, of recording: FileSummary) throws(WriteError) {
        try output(recording)?.write(event, of: recording)
    }

    /// A recording that failed before its first window gets no file. One without events gets an empty table.
    ///
    /// - Parameter recording: With the windows and the error of all its channels.
    /// - Returns: Why the recording's file has a name that cannot be used.
    func end(_ recording: FileSummary) throws(WriteError) -> WriteError? {
        defer { (current, failure) = (nil, nil) }
        guard current != nil || recording.error == nil || recording.windows > 0 else { return failure }
        let output = try output(recording)
        try output?.end(recording)
        try output?.file.finish()
        return failure
    }

    func discard() {
        current?.file.discard()
        (current, failure) = (nil, nil)
    }

    /// `nil` when the recording's file cannot have its name.
    private func output(_ recording: FileSummary) throws(WriteError) -> CombinedOutput? {
        if current != nil || failure != nil { return current }
        do throws(WriteError) {
            let path = "\(directory)/\(names.name(of: recording.path))"
            try OutputFile.makeDirectory(of: path)
            current = try CombinedOutput(path: path, format.formatter(of: content), keeping: 0)
        } catch {
            guard error.concernsName else { throw error }
            failure = error
        }
        return current
    }
}
