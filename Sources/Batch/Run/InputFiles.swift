internal import Frontend
internal import Recognizer

/// Opens the files of a queue one after the other, without those that an interrupted run finished.
///
/// Threading: one job at a time, to which the schedule has assigned `openNext`; after the last file, any
/// thread.
final class InputFiles: @unchecked Sendable {
    // SAFETY: the schedule lets one job open at a time, and its lock orders their accesses.
    private let harvest: FileHarvest
    /// Files of the interrupted run that were not in the input so far.
    private(set) var finished: FinishedFiles
    private let clock: RecordingClock
    private let drawsThumbnails: Bool
    /// The file whose channels are opened one after the other, and its next channel.
    private var channels: (first: WindowStream, next: Int, isFromDirectory: Bool)?

    init(_ queue: FileQueue, finished: FinishedFiles, _ clock: RecordingClock, drawsThumbnails: Bool) {
        self.clock = clock
        harvest = queue.makeIterator()
        self.finished = finished
        self.drawsThumbnails = drawsThumbnails
    }

    /// What the directories contain and is not classified; complete after the last file.
    var skipped: SkippedFiles { harvest.skipped }

    /// Opens the next file. Blocks while a list has no next path yet.
    ///
    /// - Parameter features: The features of a file that has ended, to be used again.
    /// - Returns: `nil` at the end of the queue. A file that cannot be opened is returned with its failure.
    func next(_ classifier: FileClassifier, _ features: SlidingFeatures?) -> BatchSchedule.ScheduledFile? {
        if let file = nextChannel(classifier, features) { return file }
        while let item = harvest.next() {
            if finished.remove(item.path) { continue }
            switch item {
            case .failed(let path, let code, let message):
                return BatchSchedule.ScheduledFile(
                    path: path, nil, failure: .init(code: code, message: message))
            case .file(let path): return open(path, classifier, features)
            case .found(let path):
                let file = open(path, classifier, features)
                file.isFromDirectory = true
                channels?.isFromDirectory = true
                return file
            }
        }
        return nil
    }

    private func open(
        _ path: String, _ classifier: FileClassifier, _ features: SlidingFeatures?
    ) -> BatchSchedule.ScheduledFile {
        do throws(FileClassifier.Failure) {
            let stream = try classifier.open(
                path, features ?? classifier.makeFeatures(), observer: observer)
            let file = BatchSchedule.ScheduledFile(path: path, stream)
            file.summary.start = clock.start(of: path)
            if classifier.rule.channels == .each && stream.channelCount > 1 {
                file.summary.isLastOfFile = false
                file.share = 0..<1 / Double(stream.channelCount)
                channels = (stream, 2, false)
            }
            return file
        } catch {
            return BatchSchedule.ScheduledFile(path: path, nil, failure: error)
        }
    }

    /// Opens the next channel of the current file; `nil` after its last.
    private func nextChannel(
        _ classifier: FileClassifier, _ features: SlidingFeatures?
    ) -> BatchSchedule.ScheduledFile? {
        guard let (first, number, isFromDirectory) = channels else { return nil }
        channels = number < first.channelCount ? (first, number + 1, isFromDirectory) : nil
        let file: BatchSchedule.ScheduledFile
        do throws(FileClassifier.Failure) {
            let stream = try classifier.open(
                channel: number, of: first, features ?? classifier.makeFeatures(), observer: observer)
            file = BatchSchedule.ScheduledFile(path: first.path, stream)
            file.summary.start = clock.start(of: first.path)
        } catch {
            file = BatchSchedule.ScheduledFile(path: first.path, channel: number, nil, failure: error)
        }
        let count = Double(first.channelCount)
        file.share = Double(number - 1) / count..<Double(number) / count
        file.summary.isLastOfFile = channels == nil
        file.isFromDirectory = isFromDirectory
        return file
    }

    private var observer: (any FrameObserver)? { drawsThumbnails ? SpectrogramColumns.thumbnail : nil }
}
