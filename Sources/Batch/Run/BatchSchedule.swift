internal import Frontend
internal import Recognizer
internal import Wire

/// What the jobs of a batch do next, and what may be told next: no threads, no input or output.
///
/// Files are open in the order of the input. A job that is free takes a window of the first file that nobody is reading;
/// only when each is being read does it open another. So one long file keeps all jobs busy, and so do many short ones.
/// What is found in later files waits until the files before them are told, and there is a limit to how much waits.
struct BatchSchedule {
    /// A file between being opened and being told.
    final class OpenFile {
        let path: String
        /// `nil` once the last window was taken, or when it could not be opened.
        var stream: WindowStream?
        var isBeingRead = false
        /// Windows that were taken from it, and told.
        var taken = 0
        var told = 0
        /// What was found in windows that are not told yet.
        var found: [Int: Found] = [:]
        /// Why it ends before window `end`.
        private(set) var failure: FileClassifier.Failure?
        private(set) var end = Int.max
        var summary: FileSummary
        /// 0...1.
        var fractionRead = 0.0

        init(path: String, _ stream: WindowStream?, failure: FileClassifier.Failure? = nil) {
            self.path = path
            self.stream = stream
            self.failure = failure
            summary = FileSummary(path: path)
            if failure != nil { end = 0 }
        }

        /// The earliest failure is the one that counts.
        func fail(before window: Int, _ reason: FileClassifier.Failure) {
            guard window < end else { return }
            end = window
            failure = reason
        }

        var isDone: Bool { stream == nil && !isBeingRead && told >= min(taken, end) }
    }

    /// What a job made of a window.
    enum Found {
        case record(BatchRecord)
        case scores(WindowStream.Window, [Float])
    }

    enum Work {
        case read(OpenFile, WindowStream)
        case openNext
        case leave
    }

    enum Telling {
        /// With a copy of what is known of the file: jobs go on changing it.
        case found(FileSummary, Found)
        case ended(OpenFile)
        case allDone
    }

    /// Files that are open at once, and windows that may wait to be told.
    let mostOpen: Int
    let mostWaiting: Int
    private(set) var open: [OpenFile] = []
    private(set) var waiting = 0
    private var isOpening = false
    private var hasAllFiles = false
    private(set) var isStopping = false
    /// Jobs that compute, or read a file.
    private(set) var busy = 0
    /// Features of files that were read to their end.
    private var spare: [SlidingFeatures] = []

    init(jobs: Int) {
        mostOpen = 4 * jobs
        mostWaiting = 64 * jobs
    }

    /// What a job that is free is to do; `nil`: wait.
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

    /// The next file was opened, or could not be; `nil`: there is none.
    mutating func opened(_ file: OpenFile?) {
        isOpening = false
        if let file { open.append(file) } else { hasAllFiles = true }
    }

    /// A window was taken, and others may read on.
    ///
    /// - Returns: Its number.
    mutating func took(from file: OpenFile) -> Int {
        file.isBeingRead = false
        file.taken += 1
        return file.taken - 1
    }

    /// The file has no more windows, or none that can be had.
    mutating func ended(
        _ file: OpenFile, _ failure: FileClassifier.Failure?, spare features: SlidingFeatures?
    ) {
        file.isBeingRead = false
        if let failure { file.fail(before: file.taken, failure) }
        file.stream = nil
        busy -= 1
        if let features { spare.append(features) }
    }

    mutating func made(_ found: Found, of file: OpenFile, number: Int) {
        busy -= 1
        guard number < file.end else { return }
        file.found[number] = found
        waiting += 1
    }

    /// A window could not be classified: the file ends before it, whatever comes after.
    mutating func failed(_ file: OpenFile, number: Int, _ failure: FileClassifier.Failure) {
        busy -= 1
        file.fail(before: number, failure)
        file.stream = nil
        for later in file.found.keys where later >= number {
            file.found[later] = nil
            waiting -= 1
        }
    }

    /// What is to be told next, in the order of the input; `nil`: it is not there yet.
    mutating func nextTelling() -> Telling? {
        guard let first = open.first else {
            return hasAllFiles || isStopping ? .allDone : nil
        }
        if let found = first.found.removeValue(forKey: first.told) {
            first.told += 1
            waiting -= 1
            return .found(first.summary, found)
        }
        if first.isDone {
            open.removeFirst()
            return .ended(first)
        }
        return isStopping ? .allDone : nil
    }

    mutating func stop() { isStopping = true }

    mutating func takeSpare() -> SlidingFeatures? { spare.popLast() }
}
