private import Glibc
private import TextSupport
private import SystemSupport

/// The record of an unfinished run: a line of JSON for each finished file, with the length of every output at
/// that point.
///
/// Lines are written only after the outputs were synced, so that they hold even after a power failure, and at
/// most once a second. A resumed run repeats every recording that has no line, from the recording's start.
///
/// The journal of a complete run stays, with a last line that says so: a later run compares its files and
/// options, and repeats a file that failed and can be read now, with what follows it.
final class Journal {
    struct Entry {
        var path: String
        var hasFailed: Bool
        var windows: Int
        var events: Int
        var seconds: Double
        var omittedSeconds = 0.0
        var hasQuietMix = false
        /// Length in bytes of each output that has all files.
        var sizes: [Int64]
        /// Of a file that failed, at that time.
        var state: FileState?
        /// The error of a file that failed.
        var code: String?
    }

    let path: String
    private(set) var finished = FinishedFiles()
    /// Files that a later run finds in the journal.
    private(set) var filesOnDisk = 0
    /// Lengths of the outputs after the last finished file; `nil` before the first.
    private(set) var sizes: [Int64]?
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private var pendingFiles = 0
    private var synced = ContinuousClock.now

    /// Rounds to what the journal stores, so that a resumed run adds the same numbers.
    static func microseconds(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

    static func exists(_ path: String) -> Bool { access(path.systemPath, F_OK) == 0 }

    /// Whether there is a journal without a byte, as a file system that was repaired leaves it.
    static func isEmptied(_ path: String) -> Bool {
        var status = stat()
        return stat(path.systemPath, &status) == 0 && status.st_size == 0
    }

    /// Whether a run that goes on holds the journal.
    static func isInUse(_ path: String) -> Bool {
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Whether the outputs of the run are complete.
    static func isComplete(_ path: String) -> Bool {
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return bytes(of: descriptor).suffix(lastLine.count).elementsEqual(lastLine)
    }

    /// - Parameters:
    ///   - output: The run's output, for messages.
    ///   - fingerprint: Must be that of the interrupted run.
    ///   - outputs: Number of outputs that hold all files.
    /// - Throws: ``WriteError`` when another process holds the journal, or when it belongs to a different
    ///   run.
    init(
        path: String, of output: String, fingerprint: ResumeFingerprint, outputs: Int, resumes: Bool
    ) throws(WriteError) {
        self.path = path
        descriptor = open(path.systemPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw WriteError(path: output) }
        // Some network file systems have no locks; there, two runs are not kept apart.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            throw WriteError(
                reason: "\(path) is in use by an astd that is running; wait until it has finished")
        }
        var kept = 0
        if resumes {
            let content = try JournalContent(Self.bytes(of: descriptor), path: path)
            if content.options != nil, let (name, before, now) = content.difference(from: fingerprint) {
                throw WriteError(
                    reason: "\(path) belongs to a run with \(name) \(before), not \(now); "
                        + "resume with the same options, or delete it to start over")
            }
            kept = content.headBytes
            for (entry, bytes) in content.entries {
                guard entry.sizes.count == outputs, !entry.isWorthTrying else { break }
                finished.add(entry)
                sizes = entry.sizes
                kept += bytes
            }
            filesOnDisk = finished.files
        }
        guard ftruncate(descriptor, kept) == 0, lseek(descriptor, kept, SEEK_SET) >= 0 else {
            throw WriteError(path: path)
        }
        if kept == 0 {
            pending = Self.head(fingerprint)
            try writePending()
        }
    }

    deinit { close(descriptor) }

    /// Adds a file that is complete in all outputs.
    ///
    /// - Parameter sync: Writes the outputs to the disk; called once a second at most.
    func append(_ entry: Entry, sync: () throws(WriteError) -> Void) throws(WriteError) {
        var line = JSONWriter()
        line.object { json in entry.writeMembers(to: &json) }
        line.newline()
        pending += line.bytes
        pendingFiles += 1
        sizes = entry.sizes
        if ContinuousClock.now - synced > .seconds(1) { try flush(sync: sync) }
    }

    func flush(sync: () throws(WriteError) -> Void) throws(WriteError) {
        try sync()
        try writePending()
        synced = .now
    }

    /// Deletes the journal, when there is nothing to continue.
    func remove() { unlink(path.systemPath) }

    /// Records that the outputs are complete.
    func complete() throws(WriteError) {
        pending += Self.lastLine
        try writePending()
        flock(descriptor, LOCK_UN)
    }

    private static let lastLine = Array("{\"complete\":true}\n".utf8)

    private func writePending() throws(WriteError) {
        let start = lseek(descriptor, 0, SEEK_CUR)
        var rest = pending[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = WriteError(path: path)
                // A part of a line would hide what is written later.
                _ = ftruncate(descriptor, start)
                lseek(descriptor, start, SEEK_SET)
                throw error
            }
            rest = rest.dropFirst(count)
        }
        filesOnDisk += pendingFiles
        (pending, pendingFiles) = ([], 0)
        guard fsync(descriptor) == 0 else { throw WriteError(path: path) }
    }

    private static func head(_ fingerprint: ResumeFingerprint) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("astd_batch", 1)
            for (name, value) in fingerprint.options { json.member(name, value) }
        }
        json.newline()
        return json.bytes
    }

    /// What an earlier run wrote into a journal.
    static func content(of path: String) throws(WriteError) -> JournalContent {
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw WriteError(path: path) }
        defer { close(descriptor) }
        return try JournalContent(bytes(of: descriptor), path: path)
    }

    private static func bytes(of descriptor: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = pread(descriptor, &block, block.count, bytes.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += block[..<count]
        }
    }
}
