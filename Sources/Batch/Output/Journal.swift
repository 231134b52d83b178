private import Glibc
private import TextSupport
private import Wire

/// Files that an interrupted run finished. A path may be named several times.
struct FinishedFiles {
    private(set) var files = 0
    private(set) var failed = 0
    private(set) var windows = 0
    private(set) var events = 0
    private(set) var audioSeconds = 0.0
    private var counts: [String: Int] = [:]

    mutating func add(_ entry: Journal.Entry) {
        files += 1
        if entry.hasFailed { failed += 1 }
        windows += entry.windows
        events += entry.events
        audioSeconds = Journal.microseconds(audioSeconds + entry.seconds)
        counts[entry.path, default: 0] += 1
    }

    /// Removes one entry of the file.
    ///
    /// - Returns: Whether there was one.
    mutating func remove(_ path: String) -> Bool {
        guard let count = counts[path], count > 0 else { return false }
        counts[path] = count - 1
        return true
    }
}

/// What of an unfinished run is whole: a line of JSON for each finished file, with how long every output was then.
///
/// A line is written only when the outputs themselves are on the disk, so that what it promises is there also after
/// a power failure; at most a second of work is done again.
final class Journal {
    struct Entry {
        var path: String
        var hasFailed: Bool
        var windows: Int
        var events: Int
        var seconds: Double
        /// Length in bytes of each output that has all files.
        var sizes: [Int64]
    }

    let path: String
    private(set) var finished = FinishedFiles()
    /// Lengths of the outputs when the last finished file was; `nil`: there is none.
    private(set) var sizes: [Int64]?
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private var synced = ContinuousClock.now

    /// Sums are the same whether a number was written down and read again or not.
    static func microseconds(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// - Parameters:
    ///   - output: What the journal is of, for messages.
    ///   - settings: What decides about the records; a run is gone on with only with the same.
    ///   - outputs: How many outputs have all files.
    init(
        path: String, of output: String, settings: [(String, String)], outputs: Int, resumes: Bool
    ) throws(WriteError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw WriteError(path: output) }
        // Where there are no locks, on some network file systems, nobody is kept away.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            throw WriteError(reason: "\(path) belongs to an astd that is running: wait for it")
        }
        let head = Self.head(settings)
        var kept = 0
        if resumes {
            let bytes = Self.bytes(of: descriptor)
            // Without a whole first line the run ended before it began.
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                try Self.compare(Array(bytes[..<end]), settings, path)
                kept = end + 1
                for line in bytes[kept...].split(
                    separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
                )
                .dropLast() {
                    guard let entry = Self.entry(Array(line)), entry.sizes.count == outputs else { break }
                    finished.add(entry)
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

    /// The file is whole in all outputs. `sync` puts them on the disk; it is called once a second at most.
    func note(_ entry: Entry, sync: () throws(WriteError) -> Void) throws(WriteError) {
        var line = JSONWriter()
        line.object { json in
            json.member("file", entry.path)
            json.member("failed", entry.hasFailed)
            json.member("windows", entry.windows)
            json.member("events", entry.events)
            json.member("seconds", seconds: entry.seconds)
            json.key("sizes")
            json.array { json in for size in entry.sizes { json.integer(size) } }
        }
        line.newline()
        pending += line.bytes
        sizes = entry.sizes
        if ContinuousClock.now - synced > .seconds(1) { try flush(sync: sync) }
    }

    func flush(sync: () throws(WriteError) -> Void) throws(WriteError) {
        try sync()
        try writePending()
        synced = .now
    }

    /// Everything is in its place: there is nothing to go on with.
    func remove() { unlink(path) }

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

    private static func head(_ settings: [(String, String)]) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("astd_batch", 1)
            for (name, value) in settings { json.member(name, value) }
        }
        json.newline()
        return json.bytes
    }

    private static func compare(
        _ line: [UInt8], _ settings: [(String, String)], _ path: String
    ) throws(WriteError) {
        guard let object = try? JSONObject(parsing: line), object.members["astd_batch"] != nil else {
            throw WriteError(reason: "\(path) is no journal of astd: remove it or name another output")
        }
        for (name, value) in settings {
            let before = (try? object.string(name)) ?? "?"
            if before != value {
                throw WriteError(
                    reason: "\(path) is of a run with \(name) \(before), not \(value): "
                        + "go on with the same options, or remove it to begin anew")
            }
        }
    }

    private static func entry(_ line: [UInt8]) -> Entry? {
        guard let object = try? JSONObject(parsing: line),
            let path = try? object.string("file"), let failed = try? object.bool("failed"),
            let windows = try? object.integer("windows", as: Int.self),
            let events = try? object.integer("events", as: Int.self),
            let seconds = try? object.double("seconds"), case .array(let sizes) = object["sizes"]
        else { return nil }
        let lengths = sizes.compactMap { if case .number(let digits) = $0 { Int64(digits) } else { nil } }
        guard lengths.count == sizes.count else { return nil }
        return Entry(
            path: path, hasFailed: failed, windows: windows, events: events, seconds: seconds, sizes: lengths)
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
