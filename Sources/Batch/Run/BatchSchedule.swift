internal import Frontend
internal import Recognizer
internal import Wire

/// Decides which job classifies which window, and which result is written next. Pure state: no threads, no
/// I/O.
///
/// Files are opened in the order of the input. A free job takes the next window of the first file that no
/// other job is reading; it opens another file only when all open ones are being read. So one long file
/// occupies all jobs, and so do many short ones. Results of later files wait until all earlier files are
/// written; `mostWaiting` limits their number.
struct BatchSchedule {
    /// A file, or one channel of it, from when it is opened until its end is written.
    final class ScheduledFile {
        let path: String
        /// Whether a directory listed it, and not the user.
        var isFromDirectory = false
        /// `nil` once the last window was taken, or when the file could not be opened.
        var stream: WindowStream?
        var isBeingRead = false
        /// Windows that were taken from it, and windows whose results were written.
        var taken = 0
        var written = 0
        /// Results that wait to be written, by window.
        var results: [Int: WindowResult] = [:]
        /// Why the file ends before window `end`.
        private(set) var failure: FileClassifier.Failure?
        private(set) var end = Int.max
        var summary: FileSummary
        /// 0...1; of a channel, with those before it.
        var fractionRead = 0.0
        /// The share of the file's work that this channel is, 0...1.
        var share = 0.0..<1.0

        init(
            path: String, channel: Int? = nil, _ stream: WindowStream?,
            failure: FileClassifier.Failure? = nil
        ) {
            self.path = path
            self.stream = stream
            self.failure = failure
            summary = FileSummary(path: path, channel: stream?.channel ?? channel)
            if failure != nil { end = 0 }
        }

        /// Ends the file before a window. The earliest of several failures counts.
        func fail(before window: Int, _ reason: FileClassifier.Failure) {
            guard window < end else { return }
            end = window
            failure = reason
        }

        var isDone: Bool { stream == nil && !isBeingRead && written >= min(taken, end) }
    }

    /// The result of one window.
    enum WindowResult {
        case record(BatchRecord)
        case scores(WindowStream.Window, [Float])
        /// The pooled vector, `[hidden]`.
        case vector(WindowStream.Window, [Float])
    }

    enum Work {
        case read(ScheduledFile, WindowStream)
        case openNext
        case leave
    }

    /// What is written next, in the order of the input.
    enum OrderedResult {
        /// With a copy of the file's summary, because jobs go on changing the file.
        case window(FileSummary, WindowResult)
        case fileEnd(ScheduledFile)
        case end
    }

    /// Limits of open files and of results that wait.
    let mostOpen: Int
    let mostWaiting: Int
    private(set) var open: [ScheduledFile] = []
    private(set) var waiting = 0
    private var isOpening = false
    private var hasAllFiles = false
    private(set) var isStopping = false
    /// Jobs that read or classify a window.
    private(set) var busy = 0
    /// Features of files that have ended, to be used for other files.
    private var spareFeatures: [SlidingFeatures] = []

    init(jobs: Int) {
        mostOpen = 4 * jobs
        mostWaiting = 64 * jobs
    }

    /// The next work of a free job; `nil` when it has to wait.
    mutating func nextWork() -> Work? {
        if isStopping { return .leave }
        for (index, file) in open.enumerated() where !file.isBeingRead {
            guard let stream = file.stream, index == 0 || waiting < mostWaiting else { continue }
            file.isBeingRead = true
            busy += 1
            return .read(file, stream)
        }
        if !isOpening && !hasAllFiles && open.count < mostOpen && (open.isEmpty || waiting < mostWaiting) {
            isOpening = true
            return .openNext
        }
        return hasAllFiles && open.allSatisfy { $0.stream == nil } ? .leave : nil
    }

    /// A job opened the next file, or failed to; `nil` at the end of the input.
    mutating func opened(_ file: ScheduledFile?) {
        isOpening = false
        if let file { open.append(file) } else { hasAllFiles = true }
    }

    /// A job took a window; other jobs may read on.
    ///
    /// - Returns: The window's number.
    mutating func took(from file: ScheduledFile) -> Int {
        file.isBeingRead = false
        file.taken += 1
        return file.taken - 1
    }

    /// The file has no more windows, because of its end or a failure.
    mutating func ended(
        _ file: ScheduledFile, _ failure: FileClassifier.Failure?, spare features: SlidingFeatures?
    ) {
        file.isBeingRead = false
        if let failure { file.fail(before: file.taken, failure) }
        file.stream = nil
        busy -= 1
        if let features { spareFeatures.append(features) }
    }

    /// A job classified a window.
    mutating func classified(_ result: WindowResult, of file: ScheduledFile, number: Int) {
        busy -= 1
        guard number < file.end else { return }
        file.results[number] = result
        waiting += 1
    }

    /// A window could not be classified: the file ends before it, and results of later windows are dropped.
    mutating func failed(_ file: ScheduledFile, number: Int, _ failure: FileClassifier.Failure) {
        busy -= 1
        file.fail(before: number, failure)
        file.stream = nil
        for later in file.results.keys where later >= number {
            file.results[later] = nil
            waiting -= 1
        }
    }

    /// The next result in the order of the input; `nil` when it is not available yet.
    mutating func nextResult() -> OrderedResult? {
        guard let first = open.first else {
            return hasAllFiles || isStopping ? .end : nil
        }
        if let result = first.results.removeValue(forKey: first.written) {
            first.written += 1
            waiting -= 1
            return .window(first.summary, result)
        }
        if first.isDone {
            open.removeFirst()
            return .fileEnd(first)
        }
        return isStopping ? .end : nil
    }

    mutating func stop() { isStopping = true }

    mutating func takeSpareFeatures() -> SlidingFeatures? { spareFeatures.popLast() }
}
