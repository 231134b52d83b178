private import Wire

/// Classifies file after file; one that fails is told and the rest go on.
public struct BatchRun {
    private let classifier: FileClassifier
    private let writer: RecordWriter
    private let progress: ProgressLine

    public init(_ classifier: FileClassifier, _ writer: RecordWriter, _ progress: ProgressLine) {
        self.classifier = classifier
        self.writer = writer
        self.progress = progress
    }

    /// - Parameter report: Called with each file's error, besides the error's record in the output.
    /// - Returns: How many files failed.
    /// - Throws: ``RecordWriter/WriteError`` when records cannot be written: going on would lose them.
    public func run(_ files: FileQueue, report: (String) -> Void) throws(RecordWriter.WriteError) -> Int {
        var failed = 0
        for item in files {
            switch item {
            case .unreadable(let path, let reason):
                failed += 1
                try tell(BatchError(file: path, code: "unreadable", message: "\(path): \(reason)"), report)
            case .file(let path):
                if let failure = try classify(path) {
                    failed += 1
                    try tell(BatchError(file: path, code: failure.code, message: failure.message), report)
                }
            }
        }
        progress.clear()
        return failed
    }

    private func classify(_ path: String) throws(RecordWriter.WriteError) -> FileClassifier.Failure? {
        var problem: RecordWriter.WriteError?
        var failure: FileClassifier.Failure?
        progress.begin(path)
        do throws(FileClassifier.Failure) {
            try classifier.classify(path: path, progress: { progress.advance(toSeconds: $0) }) { record in
                guard problem == nil else { return }
                progress.clear()
                do throws(RecordWriter.WriteError) { try writer.write(record) } catch { problem = error }
            }
        } catch {
            failure = error
        }
        if let problem { throw problem }
        return failure
    }

    private func tell(_ error: BatchError, _ report: (String) -> Void) throws(RecordWriter.WriteError) {
        progress.clear()
        report(error.message)
        try writer.write(error)
    }
}
