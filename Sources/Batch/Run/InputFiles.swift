internal import Frontend
internal import Recognizer

/// Opens the files of a queue one after the other, without those that an interrupted run finished.
///
/// Threading: one job at a time, to which the schedule has assigned `openNext`.
final class InputFiles: @unchecked Sendable {
    // SAFETY: the schedule lets one job open at a time, and its lock orders their accesses.
    private var files: any IteratorProtocol<FileQueue.Item>
    private var finished: FinishedFiles
    private let drawsThumbnails: Bool

    init(_ queue: FileQueue, finished: FinishedFiles, drawsThumbnails: Bool) {
        files = queue.makeIterator()
        self.finished = finished
        self.drawsThumbnails = drawsThumbnails
    }

    /// Opens the next file. Blocks while a list has no next path yet.
    ///
    /// - Parameter features: The features of a file that has ended, to be used again.
    /// - Returns: `nil` at the end of the queue. A file that cannot be opened is returned with its failure.
    func next(_ classifier: FileClassifier, _ features: SlidingFeatures?) -> BatchSchedule.ScheduledFile? {
        while let item = files.next() {
            switch item {
            case .unreadable(let path, let reason):
                if finished.remove(path) { continue }
                return BatchSchedule.ScheduledFile(
                    path: path, nil, failure: .init(code: "unreadable", message: "\(path): \(reason)"))
            case .file(let path):
                if finished.remove(path) { continue }
                do throws(FileClassifier.Failure) {
                    let stream = try classifier.open(
                        path, features ?? classifier.makeFeatures(),
                        observer: drawsThumbnails ? SpectrogramColumns.thumbnail : nil)
                    return BatchSchedule.ScheduledFile(path: path, stream)
                } catch {
                    return BatchSchedule.ScheduledFile(path: path, nil, failure: error)
                }
            }
        }
        return nil
    }
}
