internal import Capture
internal import Inference
internal import Recognizer
private import SystemSupport
internal import Wire

/// Classifies clients' files in parallel with the live stream, one window at a time, alternating between the
/// files.
///
/// It has one thread, at nice 10, so that the live stream is hardly affected. All open files
/// share one set of activations, which is freed with the last of them.
actor FileEngine {
    /// Maximum number of files that are classified at a time.
    static let maximumOpen = 16

    /// Why a file was not classified, or not to its end.
    enum Refusal: Error, Equatable, CustomStringConvertible {
        case busy
        case file(FileClassifier.Failure)
        case engine(ModelError)

        var description: String {
            switch self {
            case .busy: "\(FileEngine.maximumOpen) files are already being classified: try again later"
            case .file(let failure): failure.message
            case .engine(let error): error.description
            }
        }
    }

    private nonisolated let thread = BackgroundExecutor(name: "astd-files")
    private var files: [Int: FileClassification] = [:]
    private var lastID = 0
    private weak var scorer: WindowScorer?

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - file: The open file; nil to open `name` as a path.
    ///   - variants: The variants that classify the whole file.
    /// - Returns: An id for the other methods; ``close(_:)`` must be called in the end.
    func open(
        _ file: OwnedDescriptor?, name: String, _ choice: FileClassification.Options, _ variants: [Variant]
    ) throws(Refusal) -> Int {
        guard files.count < Self.maximumOpen else { throw .busy }
        let scorer = try scorer(for: variants)
        do throws(FileClassifier.Failure) {
            let opened = try FileClassification(
                descriptor: file?.number, name: name, choice, scorer)
            lastID += 1
            files[lastID] = opened
            return lastID
        } catch {
            throw .file(error)
        }
    }

    /// The record of the next window; nil after the last.
    func next(of id: Int) throws(Refusal) -> BatchRecord? {
        do throws(FileClassifier.Failure) { return try files[id]?.next() } catch { throw .file(error) }
    }

    /// - Returns: The seconds of audio that were read, and the file's warning.
    @discardableResult
    func close(_ id: Int) -> (seconds: Double, warning: String?) {
        let file = files.removeValue(forKey: id)
        let report = (file?.seconds ?? 0, file?.warning)
        // Megabytes of activations were freed; malloc would keep fragments of them.
        if files.isEmpty { Heap.trim() }
        return report
    }

    /// Waits for the current window. No other method may be called afterwards.
    nonisolated func finish() async { await thread.finish() }

    /// The scorer of the open files, if it has the same variants; otherwise a new one.
    private func scorer(for variants: [Variant]) throws(Refusal) -> WindowScorer {
        if let scorer, scorer.variants.elementsEqual(variants, by: { $0.network === $1.network }) {
            return scorer
        }
        do throws(ModelError) {
            let new = try WindowScorer(variants, threads: 1)
            scorer = new
            return new
        } catch {
            throw .engine(error)
        }
    }
}
