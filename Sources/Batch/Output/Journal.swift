private import Glibc
private import TextSupport
private import SystemSupport

/// The record of an unfinished run: a line of JSON for each finished file, with the length of every output at
/// that point.
///
/// Lines are written only after the outputs were synced, so that they hold even after a power failure, and at
/// most once a second. A resumed run repeats every recording that has no line, from the recording's start.
///
/// The journal of a run in which files could not be read stays behind with a last line that says that the
/// outputs are complete; a later run can then repeat these files and what follows them.
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
    }

    let path: String
    private(set) var finished = FinishedFiles()
    /// Whether a file could not be read that a later run may be able to read.
    private(set) var hasAbsentFile = false
    /// Lengths of the outputs after the last finished file; `nil` before the first.
    private(set) var sizes: [Int64]?
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private var synced = ContinuousClock.now

    /// Rounds to what the journal stores, so that a resumed run adds the same numbers.
    static func microseconds(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

    static func exists(_ path: String) -> Bool { access(path.systemPath, F_OK) == 0 }

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
        let head = Self.head(fingerprint)
        var kept = 0
        if resumes {
            let bytes = Self.bytes(of: descriptor)
            // Without a complete first line, the run ended before it wrote anything.
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                try Self.compare(Array(bytes[..<end]), fingerprint, path)
                kept = end + 1
                for line in bytes[kept...].split(
                    separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
                )
                .dropLast() {
                    guard let entry = Self.entry(Array(line)), entry.sizes.count == outputs,
                        entry.state?.hasChanged(of: entry.path) != true
                    else { break }
                    finished.add(entry)
                    if entry.state?.isAbsent == true { hasAbsentFile = true }
                    sizes = entry.sizes
                    kept += line.count + 1
                }
            }
        }
        guard ftruncate(descriptor, kept) == 0, lseek(descriptor, kept, SEEK_SET) >= 0 else {
            throw WriteError(path: path)
        }
        if kept == 0 {
            pending = head
            try writePending()
        }
    }

    deinit { close(descriptor) }

    /// Adds a file that is complete in all outputs.
    ///
    /// - Parameter sync: Writes the outputs to the disk; called once a second at most.
    func append(_ entry: Entry, sync: () throws(WriteError) -> Void) throws(WriteError) {
        var line = JSONWriter()
        line.object { json in
            json.member("file", entry.path)
            json.member("failed", entry.hasFailed)
            json.member("windows", entry.windows)
            json.member("events", entry.events)
            json.member("seconds", seconds: entry.seconds)
            json.member("omitted_seconds", seconds: entry.omittedSeconds)
            json.member("quiet_mix", entry.hasQuietMix)
            json.key("sizes")
            json.array { json in for size in entry.sizes { json.integer(size) } }
            if let state = entry.state { json.member("state", state.text) }
        }
        line.newline()
        pending += line.bytes
        sizes = entry.sizes
        if entry.state?.isAbsent == true { hasAbsentFile = true }
        if ContinuousClock.now - synced > .seconds(1) { try flush(sync: sync) }
    }

    func flush(sync: () throws(WriteError) -> Void) throws(WriteError) {
        try sync()
        try writePending()
        synced = .now
    }

    /// Deletes the journal, when the outputs are complete.
    func remove() { unlink(path.systemPath) }

    /// Keeps the journal of complete outputs.
    func complete() throws(WriteError) {
        pending += Self.lastLine
        try writePending()
    }

    private static let lastLine = Array("{\"complete\":true}\n".utf8)

    private func writePending() throws(WriteError) {
        var rest = pending[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw WriteError(path: path) }
            rest = rest.dropFirst(count)
        }
        pending = []
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

    private static func compare(
        _ line: [UInt8], _ fingerprint: ResumeFingerprint, _ path: String
    ) throws(WriteError) {
        guard let object = try? JSONObject(parsing: line), object.members["astd_batch"] != nil else {
            throw WriteError(reason: "\(path) is not a journal of astd; delete it or choose another output")
        }
        for (name, value) in fingerprint.options {
            let before = (try? object.string(name)) ?? "?"
            if before != value {
                throw WriteError(
                    reason: "\(path) belongs to a run with \(name) \(before), not \(value); "
                        + "resume with the same options, or delete it to start over")
            }
        }
    }

    private static func entry(_ line: [UInt8]) -> Entry? {
        guard let object = try? JSONObject(parsing: line),
            let path = try? object.string("file"), let failed = try? object.bool("failed"),
            let windows = try? object.integer("windows", as: Int.self),
            let events = try? object.integer("events", as: Int.self),
            let seconds = try? object.double("seconds"),
            let omitted = try? object.double("omitted_seconds"),
            let isQuiet = try? object.bool("quiet_mix"), case .array(let sizes) = object["sizes"]
        else { return nil }
        let lengths = sizes.compactMap { if case .number(let digits) = $0 { Int64(digits) } else { nil } }
        guard lengths.count == sizes.count else { return nil }
        return Entry(
            path: path, hasFailed: failed, windows: windows, events: events, seconds: seconds,
            omittedSeconds: omitted, hasQuietMix: isQuiet, sizes: lengths,
            state: (try? object.string("state")).flatMap { $0 }.map(FileState.init(text:)))
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
