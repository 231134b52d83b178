internal import Detection
internal import Recognizer
internal import Wire

/// Turns the ordered results of a run into records, events and totals, and writes them to the outputs.
final class ResultWriter {
    var result: BatchRun.Result

    private let classifier: FileClassifier
    private let aggregation: Aggregation
    private let eventRules: DetectionRules?
    private let outputs: BatchOutputs
    private let progress: ProgressBar
    /// State of the current file: scores by variant, or its events.
    private var aggregated: [Int: AggregatedScores] = [:]
    private var aggregatedVectors: [Int: AggregatedScores] = [:]
    private var events: FileEvents?
    private var eventCount = 0
    /// Files in a row that have vanished, with the directory that they were in or were to be in.
    private var vanished = 0
    private static let mostVanished = 10
    /// The current file with all its channels.
    private var totals = FileTotals()

    /// - Parameter classifier: Makes records; it may belong to a running job, since that does not change it.
    init(
        _ classifier: FileClassifier, aggregation: Aggregation, eventRules: DetectionRules?,
        _ outputs: BatchOutputs, _ progress: ProgressBar
    ) {
        self.classifier = classifier
        self.aggregation = aggregation
        self.eventRules = eventRules
        self.outputs = outputs
        self.progress = progress
        let finished = outputs.finished
        result = BatchRun.Result(
            files: finished.files, failed: finished.failed, windows: finished.windows,
            events: finished.events, audioSeconds: finished.audioSeconds, failedPaths: finished.failedPaths,
            quietMixes: finished.quietMixes, omittedSeconds: finished.omittedSeconds)
    }

    func write(_ window: BatchSchedule.WindowResult, of file: FileSummary) throws(WriteError) {
        result.windows += 1
        switch window {
        case .record(let record):
            try write(record, of: file)
        case .scores(let window, let scores):
            guard let eventRules else {
                aggregated[window.variant, default: AggregatedScores(aggregation)].add(scores, of: window)
                return
            }
            if outputs.hasPage { try write(record(scores, window, file.path), of: file) }
            var current = events ?? fileEvents(file, eventRules)
            try write(current.update(scores, of: window), of: file)
            events = current
        case .vector(let window, let vector):
            guard aggregation == .none else {
                aggregatedVectors[window.variant, default: AggregatedScores(aggregation)]
                    .add(vector, of: window)
                return
            }
            try write(vector, record([], window, file.path), of: file)
        }
    }

    /// - Parameter report: Called with the message of a file that failed.
    func end(_ file: BatchSchedule.ScheduledFile, _ report: (String) -> Void) throws(WriteError) {
        for (_, whole) in aggregated.sorted(by: { $0.key < $1.key }) {
            guard let window = whole.window else { continue }
            try write(
                record(whole.scores, window, file.path, aggregate: aggregation.rawValue), of: file.summary)
        }
        for (_, whole) in aggregatedVectors.sorted(by: { $0.key < $1.key }) {
            guard let window = whole.window else { continue }
            let record = record([], window, file.path, aggregate: aggregation.rawValue)
            try write(whole.scores, record, of: file.summary)
        }
        try write(events?.finish() ?? [], of: file.summary)
        var summary = file.summary
        summary.windows = min(file.taken, file.end)
        summary.events = eventCount
        (aggregated, aggregatedVectors, events, eventCount) = ([:], [:], nil, 0)

        vanished = file.failure == nil ? 0 : vanished
        if let failure = file.failure { fail(&summary, failure, file, report) }
        if let warning = summary.warning, result.quietMixes < BatchRun.mostWarnings {
            progress.clear()
            report(warning)
        }
        if let warning = summary.trackWarning, summary.isLastOfFile {
            if result.filesWithTracks < BatchRun.mostWarnings {
                progress.clear()
                report(warning)
            }
            result.filesWithTracks += 1
        }
        totals.add(summary)
        if summary.isLastOfFile {
            var whole = summary
            (whole.windows, whole.error) = (totals.windows, totals.lastError)
            if let failure = try outputs.endOwnFiles(of: whole), summary.error == nil {
                fail(&summary, failure, file, report)
                totals.lastError = summary.error
                totals.state = summary.state
            }
        }
        try outputs.end(summary, totals)
        guard summary.isLastOfFile else { return }
        count(totals, file.path)
        progress.finished(file.path, seconds: totals.seconds)
        totals = FileTotals()
        if vanished >= Self.mostVanished, let journal = outputs.journalPath {
            throw WriteError(
                reason: "\(vanished) files in a row have vanished, the last one is \(file.path); "
                    + "mount their drive and continue with --resume, or delete \(journal) to start over")
        }
    }

    private func fail(
        _ summary: inout FileSummary, _ failure: FileClassifier.Failure, _ file: BatchSchedule.ScheduledFile,
        _ report: (String) -> Void
    ) {
        progress.clear()
        // Most failures concern every channel.
        if totals.lastError?.message != failure.message { report(failure.message) }
        summary.error = BatchError(
            file: file.path, channel: summary.channel, code: failure.code, message: failure.message)
        guard file.path != "-" else { return }
        let state = FileState(of: file.path, isFromDirectory: file.isFromDirectory)
        summary.state = state
        let isWithoutDirectory = file.isFromDirectory || !OutputFile.hasDirectory(file.path)
        vanished = state.isAbsent && isWithoutDirectory ? vanished + 1 : 0
    }

    private func count(_ file: FileTotals, _ path: String) {
        result.files += 1
        if file.lastError != nil {
            result.failed += 1
            if result.failedPaths.count < BatchRun.Result.mostFailedPaths { result.failedPaths.append(path) }
        }
        if file.hasWarning { result.quietMixes += 1 }
        result.events += file.events
        result.audioSeconds = Journal.microseconds(result.audioSeconds + file.seconds)
        result.omittedSeconds = Journal.microseconds(result.omittedSeconds + file.omittedSeconds)
    }

    private func fileEvents(_ file: FileSummary, _ rules: DetectionRules) -> FileEvents {
        FileEvents(
            path: file.path, channel: file.channel, classifier.scorer.variants, rules,
            hopFrames: classifier.rule.hopFrames)
    }

    private func record(
        _ scores: [Float], _ window: WindowStream.Window, _ path: String, aggregate: String? = nil
    ) -> BatchRecord {
        scores.withUnsafeBufferPointer { classifier.record($0, of: window, path, aggregate: aggregate) }
    }

    private func write(_ record: BatchRecord, of file: FileSummary) throws(WriteError) {
        if outputs.isTerminal { progress.clear() }
        try outputs.write(timed(record, file), of: file)
    }

    private func write(
        _ vector: [Float], _ record: BatchRecord, of file: FileSummary
    ) throws(WriteError) {
        try outputs.write(vector, timed(record, file))
    }

    private func timed(_ record: BatchRecord, _ file: FileSummary) -> BatchRecord {
        var record = record
        record.startTime = file.start?.text(atSeconds: record.start)
        record.endTime = file.start?.text(atSeconds: record.end)
        return record
    }

    private func write(_ events: [BatchEvent], of file: FileSummary) throws(WriteError) {
        if outputs.isTerminal && !events.isEmpty { progress.clear() }
        for var event in events {
            event.startTime = file.start?.text(atSeconds: event.start)
            event.endTime = file.start?.text(atSeconds: event.end)
            event.onsetTime = file.start?.text(atSeconds: event.onset)
            try outputs.write(event, of: file)
        }
        eventCount += events.count
    }
}
