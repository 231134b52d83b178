private import Glibc
public import Detection
internal import Frontend
public import Recognizer
internal import SystemSupport
internal import Wire

/// Classifies files with several jobs, and tells what they found in the order of the input.
public final class BatchRun {
    public struct Result: Equatable, Sendable {
        public var files = 0
        public var failed = 0
        public var windows = 0
        public var events = 0
        public var audioSeconds = 0.0  // of whole microseconds, so that a resumed run has the same sum
        /// The signal that ended the run before its end.
        public var interruptedBy: Int32?
    }

    private let classifiers: [FileClassifier]
    private let aggregation: Aggregation
    private let eventRules: DetectionRules?
    private let outputs: BatchOutputs
    private let progress: ProgressBar
    private let interruption: () -> Int32?

    /// - Parameters:
    ///   - classifiers: One for each job, all alike.
    ///   - eventRules: What makes an event; `nil`: windows are told, not events.
    ///   - interruption: The signal to end by; asked for ten times a second.
    public init(
        _ classifiers: [FileClassifier], aggregation: Aggregation = .none,
        eventRules: DetectionRules? = nil, _ outputs: BatchOutputs,
        _ progress: ProgressBar, interruption: @escaping () -> Int32? = { nil }
    ) {
        precondition(!classifiers.isEmpty && (eventRules == nil || aggregation == .none))
        self.classifiers = classifiers
        self.aggregation = aggregation
        self.eventRules = eventRules
        self.outputs = outputs
        self.progress = progress
        self.interruption = interruption
    }

    /// - Parameter report: Called with each file's error, besides the error's record in the output.
    /// - Throws: ``WriteError`` when records cannot be written: going on would lose them. What is whole stays.
    ///   `ThreadError` when a job's thread cannot be started.
    public func run(_ files: FileQueue, report: (String) -> Void) throws -> Result {
        let schedule = ConditionLocked(BatchSchedule(jobs: classifiers.count))
        progress.begin(files, finished: outputs.finished)
        let source = FileSource(files, outputs.finished, columns: outputs.hasPage)
        defer {
            schedule.change { $0.stop() }
            // Windows at hand are finished; a job that waits for the next path of a list may wait for ever.
            _ = schedule.wait { $0.busy == 0 ? true : nil }
            progress.clear()
        }
        do {
            for (index, classifier) in classifiers.enumerated() {
                let job = Job(
                    classifier, schedule, source, keepsScores: aggregation != .none || eventRules != nil)
                // Not joined: a job that reads a list may block in that read after the run has ended.
                _ = try NamedThread("astd-job-\(index)") { job.run() }
            }
            return try tell(schedule, report)
        } catch {
            // Records are lost from here on, finished files are not.
            try? outputs.interrupt()
            throw error
        }
    }

    /// Writes what the jobs find until there is no more.
    private func tell(
        _ schedule: ConditionLocked<BatchSchedule>, _ report: (String) -> Void
    ) throws(WriteError) -> Result {
        var result = Result()
        result.files = outputs.finished.files
        result.failed = outputs.finished.failed
        result.windows = outputs.finished.windows
        result.events = outputs.finished.events
        result.audioSeconds = outputs.finished.audioSeconds
        // By variant.
        var aggregated: [Int: AggregatedScores] = [:]
        var events: FileEvents?
        var told = 0
        while true {
            let telling = schedule.wait(milliseconds: 100) { $0.nextTelling() }
            progress.draw(schedule)
            if let signal = interruption() {
                result.interruptedBy = signal
                schedule.change { $0.stop() }
            }
            switch telling {
            case nil: continue
            case .allDone:
                if result.interruptedBy != nil { try outputs.interrupt() } else { try outputs.finish(result) }
                return result
            case .found(let summary, .record(let record)):
                try write(record, of: summary)
                result.windows += 1
            case .found(let summary, .scores(let window, let scores)) where eventRules != nil:
                if outputs.hasPage { try write(record(scores, window, summary.path), of: summary) }
                var heard = events ?? fileEvents(summary.path)
                for event in heard?.hear(scores, of: window) ?? [] {
                    try write(event, of: summary)
                    told += 1
                }
                events = heard
                result.windows += 1
            case .found(_, .scores(let window, let scores)):
                aggregated[window.variant, default: AggregatedScores(aggregation)].add(scores, of: window)
                result.windows += 1
            case .ended(let file):
                for record in records(aggregated, file.path) { try write(record, of: file.summary) }
                for event in events?.finish() ?? [] {
                    try write(event, of: file.summary)
                    told += 1
                }
                file.summary.events = told
                result.events += told
                (aggregated, events, told) = ([:], nil, 0)
                result.files += 1
                result.audioSeconds = Journal.microseconds(result.audioSeconds + file.summary.seconds)
                try end(file, &result, report)
            }
        }
    }

    private func records(_ aggregated: [Int: AggregatedScores], _ path: String) -> [BatchRecord] {
        aggregated.sorted { $0.key < $1.key }.compactMap { _, whole in
            guard let window = whole.window else { return nil }
            return record(whole.scores, window, path, aggregate: aggregation.rawValue)
        }
    }

    private func record(
        _ scores: [Float], _ window: WindowStream.Window, _ path: String, aggregate: String? = nil
    ) -> BatchRecord {
        scores.withUnsafeBufferPointer {
            classifiers[0].record($0, of: window, path, aggregate: aggregate)
        }
    }

    private func fileEvents(_ path: String) -> FileEvents? {
        eventRules.map {
            FileEvents(
                path: path, classifiers[0].scorer.variants, $0, hopFrames: classifiers[0].hopFrames)
        }
    }

    private func write(_ record: BatchRecord, of file: FileSummary) throws(WriteError) {
        if outputs.isTerminal { progress.clear() }
        try outputs.write(record, of: file)
    }

    private func write(_ event: BatchEvent, of file: FileSummary) throws(WriteError) {
        if outputs.isTerminal { progress.clear() }
        try outputs.write(event, of: file)
    }

    private func end(
        _ file: BatchSchedule.OpenFile, _ result: inout Result, _ report: (String) -> Void
    ) throws(WriteError) {
        var summary = file.summary
        summary.windows = min(file.taken, file.end)
        if let failure = file.failure {
            result.failed += 1
            progress.clear()
            report(failure.message)
            summary.error = BatchError(file: file.path, code: failure.code, message: failure.message)
        }
        try outputs.end(summary)
        progress.finished(file.path, seconds: summary.seconds)
    }
}

/// The files that are still to be opened; used by one job at a time, the one that opens.
final class FileSource: @unchecked Sendable {
    // SAFETY: the schedule lets one job open at a time, and its lock orders one after the other.
    private var files: any IteratorProtocol<FileQueue.Item>
    private var finished: FinishedFiles
    private let wantsPictures: Bool

    init(_ files: FileQueue, _ finished: FinishedFiles, columns: Bool) {
        self.files = files.makeIterator()
        self.finished = finished
        wantsPictures = columns
    }

    /// Opens the next file that is not finished yet; waits for a list that is still being written.
    func next(_ classifier: FileClassifier, _ features: SlidingFeatures?) -> BatchSchedule.OpenFile? {
        while let item = files.next() {
            switch item {
            case .unreadable(let path, let reason):
                if finished.remove(path) { continue }
                return BatchSchedule.OpenFile(
                    path: path, nil, failure: .init(code: "unreadable", message: "\(path): \(reason)"))
            case .file(let path):
                if finished.remove(path) { continue }
                do throws(FileClassifier.Failure) {
                    let stream = try classifier.open(
                        path, features ?? classifier.makeFeatures(),
                        observer: wantsPictures ? SpectrogramColumns.thumbnail : nil)
                    return BatchSchedule.OpenFile(path: path, stream)
                } catch {
                    return BatchSchedule.OpenFile(path: path, nil, failure: error)
                }
            }
        }
        return nil
    }
}

/// One of the threads that classify.
private final class Job: @unchecked Sendable {
    // SAFETY: made by the run, then used by its thread alone; what they share is in the schedule.
    private let classifier: FileClassifier
    private let schedule: ConditionLocked<BatchSchedule>
    private let source: FileSource
    private let keepsScores: Bool
    private var features: SlidingFeatures?

    init(
        _ classifier: FileClassifier, _ schedule: ConditionLocked<BatchSchedule>, _ source: FileSource,
        keepsScores: Bool
    ) {
        self.classifier = classifier
        self.schedule = schedule
        self.source = source
        self.keepsScores = keepsScores
    }

    func run() {
        while let work = schedule.wait(for: { $0.nextWork() }) {
            switch work {
            case .leave: return
            case .openNext:
                let features = schedule.change { $0.takeSpare() }
                let file = source.next(classifier, features)
                schedule.change { $0.opened(file) }
            case .read(let file, let stream): classifyNext(of: file, stream)
            }
        }
    }

    private func classifyNext(of file: BatchSchedule.OpenFile, _ stream: WindowStream) {
        var window: WindowStream.Window?
        var failure: FileClassifier.Failure?
        do throws(FileClassifier.Failure) { window = try classifier.next(of: stream) } catch {
            failure = error
        }
        guard let window else {
            schedule.change {
                file.note(stream)
                file.summary.columns = stream.observer as? SpectrogramColumns
                $0.ended(file, failure, spare: stream.features)
            }
            return
        }
        let number = schedule.change {
            file.note(stream)
            return $0.took(from: file)
        }
        do throws(FileClassifier.Failure) {
            let scores = try classifier.scores(window, file.path)
            let found: BatchSchedule.Found =
                keepsScores
                ? .scores(window, Array(scores))
                : .record(classifier.record(scores, of: window, file.path))
            schedule.change { $0.made(found, of: file, number: number) }
        } catch {
            schedule.change { $0.failed(file, number: number, error) }
        }
    }
}

extension BatchSchedule.OpenFile {
    /// Remembers how far its reading is.
    fileprivate func note(_ stream: WindowStream) {
        summary.seconds = stream.seconds
        summary.sampleRateHz = stream.sampleRateHz
        fractionRead = stream.fractionRead
    }
}
