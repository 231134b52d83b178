private import Glibc
private import SystemSupport

/// What `--resume` does with the outputs that it finds.
public enum Resumption: Equatable, Sendable {
    /// Start, or continue an interrupted run.
    case proceed
    /// The outputs are complete, but this file, which failed, can be read now: it and what follows it are
    /// repeated.
    case retry(path: String)
    /// The outputs are complete: of these files, with these options.
    case complete(files: Int, failed: Int)
    /// The outputs are of other files or options.
    case refused(reason: String)
}

extension BatchOutputs.Destination {
    /// Whether an earlier run to this destination did not end.
    public var isInterrupted: Bool {
        journalPath.map { Journal.exists($0) && !Journal.isComplete($0) } ?? false
    }

    /// Whether an earlier run to this destination was completed.
    public var isComplete: Bool { journalPath.map { Journal.isComplete($0) } ?? false }

    /// Compares complete outputs with what they would be of now. Deletes the journal of outputs that were
    /// deleted, so that the run starts over.
    ///
    /// - Parameters:
    ///   - queue: Read completely if it can be read twice; otherwise the files are not compared.
    ///   - outputs: The files that hold all recordings, in the order of the journal.
    public func resumption(
        _ fingerprint: ResumeFingerprint, _ queue: FileQueue, outputs: [String]
    ) -> Resumption {
        guard let journalPath, let lastPath else {
            return .refused(
                reason: "\(name) is not a regular file: only files can be resumed; leave out --resume")
        }
        let hasOutput = Journal.exists(lastPath)
        guard Journal.exists(journalPath) else {
            return hasOutput
                ? .refused(
                    reason:
                        "\(lastPath) exists, but \(journalPath), which says what it was made of, does not; "
                        + "delete \(lastPath) to start over, or name another --output")
                : .proceed
        }
        guard Journal.isComplete(journalPath) else { return .proceed }
        guard hasOutput else {
            unlink(journalPath.systemPath)
            return .proceed
        }
        do throws(WriteError) {
            let content = try Journal.content(of: journalPath)
            if let reason = refusal(content, fingerprint, queue) {
                return .refused(
                    reason:
                        "\(name) is complete, \(reason); delete it to start over, or name another --output")
            }
            for (path, size) in zip(outputs, content.entries.last?.entry.sizes ?? []) {
                try OutputFile.requireContinuable(path, size: size, journal: journalPath)
            }
            if let (entry, _) = content.entries.first(where: { $0.entry.isWorthTrying }) {
                return .retry(path: entry.path)
            }
            return .complete(
                files: content.entries.count, failed: content.entries.count { $0.entry.hasFailed })
        } catch {
            return .refused(reason: error.reason)
        }
    }

    /// How the complete outputs differ from those of now; `nil` when they do not.
    private func refusal(
        _ content: JournalContent, _ fingerprint: ResumeFingerprint, _ queue: FileQueue
    ) -> String? {
        func reason(_ isCompared: (String) -> Bool) -> String? {
            content.difference(from: fingerprint, in: isCompared).map {
                "and was made with \($0.name) \($0.before), not \($0.now)"
            }
        }
        // The number of threads follows from the number of files, which says more.
        return reason { $0 != ResumeFingerprint.threads }
            ?? (queue.canBeReadTwice ? otherFiles(content, queue) : nil)
            ?? reason { $0 == ResumeFingerprint.threads }
    }

    private func otherFiles(_ content: JournalContent, _ queue: FileQueue) -> String? {
        var finished = FinishedFiles()
        var failed: Set<[UInt8]> = []
        for (entry, _) in content.entries {
            finished.add(entry)
            if entry.hasFailed { failed.insert(Array(entry.path.utf8)) }
        }
        let since = journalPath.flatMap { ChangeTime(of: $0) }
        var (added, changed, missing) = (Counted(), Counted(), Counted())
        for item in queue {
            let isFinished = finished.remove(item.path)
            let hasFailed = failed.contains(Array(item.path.utf8))
            let time = ChangeTime(of: item.path)
            // What failed because it did not exist may still not exist.
            if time == nil, item.path != "-", !isFinished || !hasFailed {
                missing.add(item.path)
            } else if !isFinished {
                added.add(item.path)
            } else if let since, let time, since < time, !hasFailed {
                changed.add(item.path)
            }
        }
        if let text = missing.text {
            return "but its input is not there now, \(text): mount its drive, or name the same files"
        }
        if let text = added.text { return "but without \(text) of the input" }
        if let (count, example) = finished.left, let text = Counted(count, example).text {
            return "with \(text) that the input no longer has: name the same files, or mount their drive"
        }
        return changed.text.map { "but \($0) changed since" }
    }
}

/// A number of files, with an example.
private struct Counted {
    private var count = 0
    private var example = ""

    init() {}
    init(_ count: Int, _ example: String) { (self.count, self.example) = (count, example) }

    mutating func add(_ path: String) {
        count += 1
        if count == 1 { example = path }
    }

    /// `nil` for none.
    var text: String? {
        count == 0 ? nil : count == 1 ? "1 file (\(example))" : "\(count) files (such as \(example))"
    }
}

/// When a file's content or name last changed.
private struct ChangeTime: Comparable {
    private let seconds: Int
    private let nanoseconds: Int

    init?(of path: String) {
        var status = stat()
        guard stat(path.systemPath, &status) == 0 else { return nil }
        (seconds, nanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }

    static func < (first: Self, second: Self) -> Bool {
        (first.seconds, first.nanoseconds) < (second.seconds, second.nanoseconds)
    }
}
