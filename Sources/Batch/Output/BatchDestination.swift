private import Glibc
private import SystemSupport

extension BatchOutputs {
    /// Where records are written.
    public enum Destination: Equatable, Sendable {
        case standardOutput
        case file(String)
        /// A file `labels.FORMAT` for each format that has all recordings in one file, one file for each
        /// recording for the other formats, and `summary.json`.
        case directory(String)

        /// For messages.
        var name: String {
            switch self {
            case .standardOutput: "standard output"
            case .file(let path), .directory(let path): path
            }
        }

        /// Where an unfinished run keeps its journal; `nil` where it could not be resumed.
        var journalPath: String? {
            switch self {
            case .standardOutput: nil
            case .file(let path): OutputFile.isRegularOrAbsent(path) ? path + ".journal" : nil
            case .directory(let directory): directory + "/labels.journal"
            }
        }

        /// The file with the totals, which is written last.
        var summaryPath: String? {
            if case .directory(let directory) = self { directory + "/summary.json" } else { nil }
        }

        /// Whether an earlier run to this destination did not end.
        public var isInterrupted: Bool {
            journalPath.map { Journal.exists($0) && !Journal.isComplete($0) } ?? false
        }

        /// Whether an earlier run to this destination was completed.
        public var isComplete: Bool {
            guard let last = lastPath, Journal.exists(last) else { return false }
            return journalPath.map(Journal.exists) != true
        }

        /// What a complete run did not classify although it is in the input now; `nil` when there is nothing.
        public func additions(in queue: FileQueue) -> String? {
            guard queue.canBeReadTwice, let last = lastPath, let finished = ChangeTime(of: last) else {
                return nil
            }
            var newer = 0
            var example = ""
            for item in queue {
                guard let time = ChangeTime(of: item.path), finished < time else { continue }
                newer += 1
                if newer == 1 { example = item.path }
            }
            guard newer > 0 else { return nil }
            return
                "\(name) is complete, but \(newer) file\(newer == 1 ? " was" : "s were") added or changed since, "
                + "such as \(example)"
        }

        private var lastPath: String? { if case .file(let path) = self { path } else { summaryPath } }
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
