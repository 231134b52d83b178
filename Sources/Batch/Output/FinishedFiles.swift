/// Files that an interrupted run finished. A path may occur several times.
struct FinishedFiles {
    private(set) var files = 0
    private(set) var failed = 0
    private(set) var windows = 0
    private(set) var events = 0
    private(set) var audioSeconds = 0.0
    private(set) var omittedSeconds = 0.0
    private(set) var quietMixes = 0
    /// The first paths that failed.
    private(set) var failedPaths: [String] = []
    /// By the bytes of the path: to Swift, two strings that differ only in their Unicode normalisation are
    /// equal, and to Linux they are two names.
    private var counts: [[UInt8]: Int] = [:]

    mutating func add(_ entry: Journal.Entry) {
        files += 1
        if entry.hasFailed {
            failed += 1
            if failedPaths.count < BatchRun.Result.mostFailedPaths { failedPaths.append(entry.path) }
        }
        windows += entry.windows
        events += entry.events
        audioSeconds = Journal.microseconds(audioSeconds + entry.seconds)
        omittedSeconds = Journal.microseconds(omittedSeconds + entry.omittedSeconds)
        if entry.hasQuietMix { quietMixes += 1 }
        counts[Array(entry.path.utf8), default: 0] += 1
    }

    /// Removes one entry of the file.
    ///
    /// - Returns: Whether there was one.
    mutating func remove(_ path: String) -> Bool {
        guard !counts.isEmpty, let count = counts[Array(path.utf8)] else { return false }
        counts[Array(path.utf8)] = count > 1 ? count - 1 : nil
        return true
    }

    /// How many are left, and one of them; `nil` when none is.
    var left: (count: Int, example: String)? {
        guard let example = counts.keys.min(by: { $0.lexicographicallyPrecedes($1) }) else { return nil }
        return (counts.values.reduce(0, +), String(decoding: example, as: UTF8.self))
    }

    /// The message when the input no longer has all of these files; `nil` when none is left.
    func missing(journal: String) -> String? {
        guard let (left, name) = self.left else { return nil }
        return
            "\(journal): the interrupted run finished \(left) file\(left == 1 ? "" : "s") that the input no longer "
            + "has, such as \(name); mount their drive or name them, or delete the journal to start over"
    }
}
