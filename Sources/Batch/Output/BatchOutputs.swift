internal import Recognizer
internal import TextSupport
internal import Wire

/// All files that a batch writes, and the journal of what is complete in them.
public final class BatchOutputs {
    /// The report's page, where there is one, is the last.
    private let combined: [CombinedOutput]
    private let perRecording: [PerRecordingOutput]
    private let journal: Journal?
    private let summaryPath: String?
    private let content: BatchContent

    /// Files that the interrupted run completed.
    var finished: FinishedFiles { journal?.finished ?? FinishedFiles() }
    /// The journal of a run that can be resumed; `nil` of another.
    var journalPath: String? { journal?.path }
    /// Files that a later run does not repeat; `nil` of a run that cannot be resumed.
    var resumableFiles: Int? { journal?.filesOnDisk }
    /// Whether a report is written, which shows thumbnails and the scores of windows.
    let hasPage: Bool
    /// Whether records and the progress line share a terminal.
    let isTerminal: Bool

    /// - Parameters:
    ///   - formats: At least one; several only for a directory.
    ///   - content: Content of the formats; the report shows windows in any case.
    ///   - report: Path of the report's page, or `nil`.
    ///   - labels: Labels for the report.
    ///   - fingerprint: The options that must not differ when the run is resumed.
    ///   - resumes: Continue an interrupted run.
    /// - Throws: ``WriteError`` when an output cannot be written, or when an interrupted run would be
    ///   overwritten.
    public convenience init(
        _ formats: [RecordFormat], of content: BatchContent = .windows, to destination: Destination,
        report: String? = nil, labels: ReportLabels = ReportLabels([]),
        fingerprint: ResumeFingerprint = ResumeFingerprint(), resumes: Bool = false
    ) throws(WriteError) {
        var files = Self.combinedFiles(formats, of: content, to: destination)
        if let report { files.append((report, ReportFormatter(path: report, labels, of: content))) }
        try self.init(
            files, Self.perRecording(formats, of: content, to: destination), of: content, to: destination,
            report: report, fingerprint: fingerprint, resumes: resumes)
    }

    /// The files of pooled vectors.
    ///
    /// - Parameter width: Values of each vector.
    /// - Throws: As the other initialiser; also when an array is to be written to a pipe or device.
    public convenience init(
        _ vectors: VectorFiles, width: Int, fingerprint: ResumeFingerprint = ResumeFingerprint(),
        resumes: Bool = false
    ) throws(WriteError) {
        try vectors.requireRegularFile()
        try self.init(
            vectors.formatted(width: width), [], of: .windows, to: vectors.destination, report: nil,
            fingerprint: fingerprint, resumes: resumes)
    }

    private init(
        _ files: [FormattedFile], _ perRecording: [PerRecordingOutput], of content: BatchContent,
        to destination: Destination, report: String?, fingerprint: ResumeFingerprint, resumes: Bool
    ) throws(WriteError) {
        // Before anything is created.
        try Self.refuseConflicts(files.compactMap(\.path), report, destination)
        if case .directory(let directory) = destination { try OutputFile.makeDirectory(directory) }
        if case .file(let path) = destination { try OutputFile.makeDirectory(of: path) }
        if resumes, let path = destination.journalPath, Journal.isEmptied(path), !Journal.isInUse(path) {
            for file in files { try OutputFile.requireUnused(file.path ?? "", journal: path) }
        }
        let journal = try Self.journal(
            of: destination, fingerprint: fingerprint, outputs: files.count, resumes: resumes)
        combined = try Self.open(files, journal)
        self.perRecording = perRecording
        self.journal = journal
        summaryPath = destination.summaryPath
        self.content = content
        hasPage = report != nil
        isTerminal = combined.contains { $0.file.isTerminal }
    }

    private static func refuseConflicts(
        _ paths: [String], _ report: String?, _ destination: Destination
    ) throws(WriteError) {
        for path in paths { try OutputFile.refuseRecording(path) }
        guard let report else { return }
        let others = paths.dropLast() + [destination.summaryPath, destination.journalPath].compactMap { $0 }
        let taken = others.flatMap { [$0, OutputFile.partial($0)] }.map(OutputFile.absolute)
        if taken.contains(OutputFile.absolute(report)) {
            throw WriteError(
                reason: "\(report) is the report and another output; name another file with --report")
        }
    }

    /// The files that hold all recordings, in the order of the journal.
    public static func paths(_ formats: [RecordFormat], to destination: Destination, report: String?)
        -> [String]
    {
        combinedFiles(formats, of: .windows, to: destination).compactMap(\.path) + (report.map { [$0] } ?? [])
    }

    typealias FormattedFile = (path: String?, formatter: any RecordFormatter)

    private static func combinedFiles(
        _ formats: [RecordFormat], of content: BatchContent, to destination: Destination
    ) -> [FormattedFile] {
        formats.compactMap { format in
            switch destination {
            case .standardOutput: (nil, format.formatter(of: content))
            case .file(let path): (path, format.formatter(of: content))
            case .directory(let directory):
                format.isPerRecording
                    ? nil : ("\(directory)/labels.\(format.fileExtension)", format.formatter(of: content))
            }
        }
    }

    private static func perRecording(
        _ formats: [RecordFormat], of content: BatchContent, to destination: Destination
    ) -> [PerRecordingOutput] {
        guard case .directory(let directory) = destination else { return [] }
        return formats.filter(\.isPerRecording).map { PerRecordingOutput($0, of: content, directory) }
    }

    private static func journal(
        of destination: Destination, fingerprint: ResumeFingerprint, outputs: Int, resumes: Bool
    ) throws(WriteError) -> Journal? {
        guard let path = destination.journalPath else { return nil }
        if !resumes && Journal.exists(path) && !Journal.isComplete(path) && !Journal.isInUse(path) {
            throw WriteError(
                reason:
                    "\(path) belongs to an interrupted run; continue it with --resume, or delete it to start over"
            )
        }
        return try Journal(
            path: path, of: destination.name, fingerprint: fingerprint, outputs: outputs, resumes: resumes)
    }

    /// Opens the files, at the lengths that the journal has recorded.
    private static func open(
        _ files: [FormattedFile], _ journal: Journal?
    ) throws(WriteError) -> [CombinedOutput] {
        if let journal, let sizes = journal.sizes {
            for (file, size) in zip(files, sizes) {
                try OutputFile.requireContinuable(file.path ?? "", size: size, journal: journal.path)
            }
        }
        do throws(WriteError) {
            var outputs: [CombinedOutput] = []
            for (index, file) in files.enumerated() {
                outputs.append(
                    try CombinedOutput(
                        path: file.path, file.formatter, keeping: journal?.sizes?[index] ?? 0,
                        audioSeconds: journal?.finished.audioSeconds ?? 0))
            }
            return outputs
        } catch {
            // Nothing was written that could be resumed.
            if journal?.sizes == nil { journal?.remove() }
            throw error
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

    func write(_ vector: [Float], _ window: BatchRecord) throws(WriteError) {
        for output in combined { try output.write(vector, window) }
    }

    /// Ends the files that only a recording has, after its last record or event, so that they exist when
    /// ``end(_:_:)`` enters the recording in the journal.
    ///
    /// - Returns: Why one of them cannot be written, if only this recording is affected.
    func endOwnFiles(of file: FileSummary) throws(WriteError) -> FileClassifier.Failure? {
        var failure: WriteError?
        for output in perRecording { failure = try output.end(file) ?? failure }
        return failure.map { .init(code: "not_written", message: "\(file.path): \($0.reason)") }
    }

    /// Ends a file, or one of its channels, after its last record or event.
    ///
    /// - Parameter totals: Of the file so far.
    func end(_ file: FileSummary, _ totals: FileTotals) throws(WriteError) {
        for output in combined { try output.end(file) }
        guard file.isLastOfFile else { return }
        try journal?.append(
            Journal.Entry(
                path: file.path, hasFailed: totals.lastError != nil, windows: totals.windows,
                events: totals.events, seconds: totals.seconds, omittedSeconds: totals.omittedSeconds,
                hasQuietMix: totals.hasWarning, sizes: combined.map(\.file.size), state: totals.state,
                code: totals.lastError?.code),
            sync: syncAll)
    }

    /// Completes all outputs after the last file.
    func finish(_ result: BatchRun.Result) throws(WriteError) {
        for output in combined { try output.writeTail(result.skipped) }
        for output in combined { try output.file.finish() }
        if let summaryPath {
            try OutputFile.write(summary(result), to: summaryPath)
        }
        try journal?.complete()
    }

    /// Stops before the last file: keeps finished files for a later run and discards the current ones.
    func interrupt() throws(WriteError) {
        guard let journal else {
            for output in combined { output.file.discard() }
            return
        }
        for (index, output) in combined.enumerated() {
            try output.file.truncate(to: journal.sizes?[index] ?? 0)
        }
        for output in perRecording { output.discard() }
        try journal.flush(sync: syncAll)
    }

    private func syncAll() throws(WriteError) {
        for output in combined { try output.file.sync() }
    }

    /// Only what does not depend on when and how the run was done, so that a resumed run writes the same.
    private func summary(_ result: BatchRun.Result) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("files", result.files)
            json.member("failed", result.failed)
            json.member("windows", result.windows)
            if content == .events { json.member("events", result.events) }
            json.member("audio_seconds", seconds: result.audioSeconds)
            if result.quietMixes > 0 { json.member("quiet_mixes", result.quietMixes) }
            if result.omittedSeconds > 0 { json.member("omitted_seconds", seconds: result.omittedSeconds) }
            result.skipped.writeMembers(to: &json)
        }
        json.newline()
        return json.bytes
    }
}
