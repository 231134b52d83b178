private import CKernels
internal import Capture
internal import Recognizer
internal import Wire

/// Classifies clients' files beside the live stream, a window at a time, in turn for all who wait.
///
/// Its thread has the lowest priority and no helpers, so that the live stream hardly feels it. Activations are allocated while a
/// file is open, and shared by all that are.
actor FileEngine {
    /// Files that are classified at a time.
    static let maximumOpen = 16

    /// Why a file is not classified, or not to its end.
    enum Refusal: Error, Equatable, CustomStringConvertible {
        case busy
        case file(FileClassifier.Failure)

        var description: String {
            switch self {
            case .busy: "\(FileEngine.maximumOpen) files are being classified already: ask again later"
            case .file(let failure): failure.message
            }
        }
    }

    private nonisolated let thread = BackgroundExecutor(name: "astd-files")
    private var files: [Int: FileClassification] = [:]
    private var lastID = 0
    private weak var scorer: WindowScorer?

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - file: Open already, or `nil`: `name` is its path.
    ///   - variants: What classifies it, to its end.
    /// - Returns: What to call it here; ``close(_:)`` has to follow.
    func open(
        _ file: OwnedDescriptor?, name: String, _ choice: FileClassification.Options, _ variants: [Variant]
    ) throws(Refusal) -> Int {
        guard files.count < Self.maximumOpen else { throw .busy }
        do throws(FileClassifier.Failure) {
            let opened = try FileClassification(
                descriptor: file?.number, name: name, choice, scorer(for: variants))
            lastID += 1
            files[lastID] = opened
            return lastID
        } catch {
            throw .file(error)
        }
    }

    /// The next window's record; `nil` after the last.
    func next(of id: Int) throws(Refusal) -> BatchRecord? {
        do throws(FileClassifier.Failure) { return try files[id]?.next() } catch { throw .file(error) }
    }

    /// - Returns: Seconds of audio that were read.
    @discardableResult
    func close(_ id: Int) -> Double {
        let seconds = files.removeValue(forKey: id)?.seconds ?? 0
        // Megabytes of activations were freed; the allocator would keep some of them, and more after each unlucky file.
        if files.isEmpty { ast_return_freed_memory() }
        return seconds
    }

    /// Waits for the window at hand; to be called last.
    nonisolated func finish() async { await thread.finish() }

    /// That of the files that are open, where it classifies with the same.
    private func scorer(for variants: [Variant]) -> WindowScorer {
        if let scorer, scorer.variants.elementsEqual(variants, by: { $0.network === $1.network }) {
            return scorer
        }
        let new = WindowScorer(variants, threads: 1)
        scorer = new
        return new
    }
}
