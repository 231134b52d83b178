public import Detection
public import Recognizer
internal import SystemSupport

/// Classifies files with several jobs and writes the results in the order of the input.
///
/// Threading: one thread calls ``run(_:report:)`` and writes all outputs; each job classifies on a thread of
/// its own.
public final class BatchRun {
    /// The totals of a run, with those of the interrupted run that it continues.
    public struct Result: Equatable, Sendable {
        public var files = 0
        public var failed = 0
        public var windows = 0
        public var events = 0
        public var audioSeconds = 0.0  // in whole microseconds, so that a resumed run has the same sum
        /// The first paths that failed.
        public var failedPaths: [String] = []
        /// What directories contain and is not classified; only of a run that was not interrupted.
        public var skipped = SkippedFiles()
        /// Files whose channels have a mean that does not represent them.
        public var quietMixes = 0
        /// Files with several audio tracks, of which the first was read, in this run.
        public var filesWithTracks = 0
        /// Seconds at the ends of files that are in no window, in whole microseconds.
        public var omittedSeconds = 0.0
        /// The signal that stopped the run early.
        public var interruptedBy: Int32?

        static let mostFailedPaths = 10
    }

    /// Files whose warnings are printed one by one; the others are counted.
    public static let mostWarnings = 10

    private let classifiers: [FileClassifier]
    private let aggregation: Aggregation
    private let eventRules: DetectionRules?
    private let makesVectors: Bool
    private let clock: RecordingClock
    private let outputs: BatchOutputs
    private let progress: ProgressBar
    private let stopSignal: () -> Int32?

    /// - Parameters:
    ///   - classifiers: One for each job, all with the same model and options.
    ///   - eventRules: `nil` writes windows instead of events.
    ///   - makesVectors: Write pooled vectors instead of scores; the outputs are for vectors, too.
    ///   - clock: Finds out when each recording began.
    ///   - stopSignal: Returns the signal that asks the run to stop; called ten times a second.
    public init(
        _ classifiers: [FileClassifier], aggregation: Aggregation = .none,
        eventRules: DetectionRules? = nil, makesVectors: Bool = false, clock: RecordingClock = .local,
        _ outputs: BatchOutputs,
        _ progress: ProgressBar, stopSignal: @escaping () -> Int32? = { nil }
    ) {
        precondition(!classifiers.isEmpty && (eventRules == nil || aggregation == .none))
        self.classifiers = classifiers
        self.aggregation = aggregation
        self.eventRules = eventRules
        self.makesVectors = makesVectors
        self.clock = clock
        self.outputs = outputs
        self.progress = progress
        self.stopSignal = stopSignal
    }

    /// - Parameter report: Called with each file's error message; the error is also a record of the output.
    /// - Throws: ``WriteError`` when records cannot be written, `ThreadError` when a job's thread cannot be
    ///   started. A later run can resume the finished files.
    public func run(_ queue: FileQueue, report: (String) -> Void) throws -> Result {
        let schedule = ConditionLocked(BatchSchedule(jobs: classifiers.count))
        try checkInput(queue)
        progress.begin(queue, finished: outputs.finished)
        let files = InputFiles(queue, finished: outputs.finished, clock, drawsThumbnails: outputs.hasPage)
        defer {
            schedule.change { $0.stop() }
            // Jobs finish their current windows. One that reads the next path of a list may block without
            // limit, so it does not count as busy.
            _ = schedule.wait { $0.busy == 0 ? true : nil }
            progress.clear()
        }
        do {
            for (index, classifier) in classifiers.enumerated() {
                let job = BatchJob(classifier, schedule, files, product: product)
                // Not joined: a job that reads a list may block in that read after the run has ended.
                _ = try NamedThread("astd-job-\(index)") { job.run() }
            }
            return try writeResults(of: schedule, files, report)
        } catch {
            // The journal keeps what was finished before the error.
            try? outputs.interrupt()
            throw withAdvice(error)
        }
    }

    private var product: WindowProduct {
        makesVectors ? .vector : aggregation == .none && eventRules == nil ? .record : .scores
    }

    /// How to continue after an error of the system, such as a full disk.
    private func withAdvice(_ error: any Error) -> any Error {
        guard var error = error as? WriteError, error.isOfSystem, !error.isClosedPipe,
            let files = outputs.resumableFiles
        else { return error }
        error.reason +=
            "; \(files) file\(files == 1 ? " is" : "s are") finished: make room or repair it, and continue with "
            + "--resume"
        return error
    }

    /// An input that lacks files of the interrupted run is more likely an unmounted drive than a shorter
    /// list.
    private func checkInput(_ queue: FileQueue) throws(WriteError) {
        var finished = outputs.finished
        guard finished.files > 0, queue.canBeReadTwice else { return }
        for item in queue { _ = finished.remove(item.path) }
        try checkAllFound(finished)
    }

    private func checkAllFound(_ finished: FinishedFiles) throws(WriteError) {
        guard let journal = outputs.journalPath, let reason = finished.missing(journal: journal) else {
            return
        }
        throw WriteError(reason: reason)
    }

    private func writeResults(
        of schedule: ConditionLocked<BatchSchedule>, _ files: InputFiles, _ report: (String) -> Void
    ) throws(WriteError) -> Result {
        let writer = ResultWriter(
            classifiers[0], aggregation: aggregation, eventRules: eventRules, outputs, progress)
        while true {
            let next = schedule.wait(milliseconds: 100) { $0.nextResult() }
            progress.draw(schedule)
            if let signal = stopSignal() {
                writer.result.interruptedBy = signal
                schedule.change { $0.stop() }
            }
            switch next {
            case nil: continue
            case .window(let file, let window): try writer.write(window, of: file)
            case .fileEnd(let file): try writer.end(file, report)
            case .end:
                guard writer.result.interruptedBy == nil else {
                    try outputs.interrupt()
                    return writer.result
                }
                try checkAllFound(files.finished)
                writer.result.skipped = files.skipped
                try outputs.finish(writer.result)
                return writer.result
            }
        }
    }
}
