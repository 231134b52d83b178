internal import Recognizer
internal import SystemSupport

/// What a job computes of a window.
enum WindowProduct {
    /// The labels with the highest scores.
    case record
    /// All scores, for aggregation or events.
    case scores
    /// The pooled vector.
    case vector
}

/// The work of one thread: takes windows from the schedule, classifies them and returns the results.
final class BatchJob: @unchecked Sendable {
    // SAFETY: after init only its own thread uses it; what jobs share is behind the schedule's lock.
    private let classifier: FileClassifier
    private let schedule: ConditionLocked<BatchSchedule>
    private let files: InputFiles
    private let product: WindowProduct

    init(
        _ classifier: FileClassifier, _ schedule: ConditionLocked<BatchSchedule>, _ files: InputFiles,
        product: WindowProduct
    ) {
        self.classifier = classifier
        self.schedule = schedule
        self.files = files
        self.product = product
    }

    /// Returns when the schedule has no more work.
    func run() {
        while let work = schedule.wait(for: { $0.nextWork() }) {
            switch work {
            case .leave: return
            case .openNext:
                let features = schedule.change { $0.takeSpareFeatures() }
                let file = files.next(classifier, features)
                schedule.change { $0.opened(file) }
            case .read(let file, let stream): classifyNext(of: file, stream)
            }
        }
    }

    private func classifyNext(of file: BatchSchedule.ScheduledFile, _ stream: WindowStream) {
        var window: WindowStream.Window?
        var failure: FileClassifier.Failure?
        do throws(FileClassifier.Failure) { window = try classifier.next(of: stream) } catch {
            failure = error
        }
        guard let window else {
            schedule.change {
                file.update(from: stream)
                file.summary.warning = stream.warning
                file.summary.trackWarning = stream.trackWarning
                file.summary.omittedSeconds = stream.omittedSeconds
                file.summary.columns = stream.observer as? SpectrogramColumns
                $0.ended(file, failure, spare: stream.features)
            }
            return
        }
        let number = schedule.change {
            file.update(from: stream)
            return $0.took(from: file)
        }
        do throws(FileClassifier.Failure) {
            let result: BatchSchedule.WindowResult =
                switch product {
                case .record:
                    .record(
                        classifier.record(try classifier.scores(window, file.path), of: window, file.path))
                case .scores: .scores(window, Array(try classifier.scores(window, file.path)))
                case .vector: .vector(window, Array(try classifier.vector(window, file.path)))
                }
            schedule.change { $0.classified(result, of: file, number: number) }
        } catch {
            schedule.change { $0.failed(file, number: number, error) }
        }
    }
}

extension BatchSchedule.ScheduledFile {
    /// Records how far the stream has been read.
    fileprivate func update(from stream: WindowStream) {
        summary.seconds = stream.seconds
        summary.sampleRateHz = stream.sampleRateHz
        fractionRead = share.lowerBound + (share.upperBound - share.lowerBound) * stream.fractionRead
    }
}
