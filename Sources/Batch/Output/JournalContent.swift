private import Capture
internal import TextSupport

/// The lines of a journal, as an earlier run left them.
struct JournalContent {
    /// The options of the run; `nil` when the run ended before it wrote anything.
    private(set) var options: JSONObject?
    /// Bytes of the line with the options.
    private(set) var headBytes = 0
    /// What each line says, and its length in bytes.
    private(set) var entries: [(entry: Journal.Entry, bytes: Int)] = []

    private let path: String

    /// - Parameter path: For messages.
    /// - Throws: ``WriteError`` when the bytes are not a journal.
    init(_ bytes: [UInt8], path: String) throws(WriteError) {
        self.path = path
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return }
        guard let object = try? JSONObject(parsing: Array(bytes[..<end])),
            object.members["astd_batch"] != nil
        else {
            throw WriteError(reason: "\(path) is not a journal of astd; delete it or choose another output")
        }
        options = object
        headBytes = end + 1
        let lines = bytes[headBytes...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for line in lines.dropLast() {
            guard let entry = Journal.Entry(line: Array(line)) else { break }
            entries.append((entry, line.count + 1))
        }
    }

    /// The first option that the run had with another value: its name, that value, and the one of now.
    ///
    /// - Parameter names: Options that are compared.
    func difference(
        from fingerprint: ResumeFingerprint, in names: (String) -> Bool = { _ in true }
    ) -> (name: String, before: String, now: String)? {
        for (name, value) in fingerprint.options where names(name) {
            let before = (try? options?.string(name)) ?? "?"
            if before != value { return (name, before, value) }
        }
        return nil
    }
}

extension Journal.Entry {
    func writeMembers(to json: inout JSONWriter) {
        json.member("file", path)
        json.member("failed", hasFailed)
        json.member("windows", windows)
        json.member("events", events)
        json.member("seconds", seconds: seconds)
        json.member("omitted_seconds", seconds: omittedSeconds)
        json.member("quiet_mix", hasQuietMix)
        json.key("sizes")
        json.array { json in for size in sizes { json.integer(size) } }
        if let state { json.member("state", state.text) }
        if let code { json.member("code", code) }
    }

    fileprivate init?(line: [UInt8]) {
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
        self.init(
            path: path, hasFailed: failed, windows: windows, events: events, seconds: seconds,
            omittedSeconds: omitted, hasQuietMix: isQuiet, sizes: lengths,
            state: (try? object.string("state")).flatMap { $0 }.map(FileState.init(text:)),
            code: (try? object.string("code")).flatMap { $0 })
    }

    /// Whether the file failed, and trying it again may help: it has changed since, or it can be decoded now,
    /// for example because ffmpeg was installed.
    var isWorthTrying: Bool {
        guard hasFailed, let state else { return false }
        let decodingFailed = ["not_audio", "unsupported", "truncated", "unreadable"].contains(code)
        return state.hasChanged(of: path) || decodingFailed && Self.isWhole(path)
    }

    /// Whether a recording can be decoded to its end.
    private static func isWhole(_ path: String) -> Bool {
        guard let reader = try? AudioFileReader(path: path) else { return false }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: 1 << 14) { block in
            do {
                while try reader.read(into: block) > 0 {}
                return reader.shortage == nil
            } catch { return false }
        }
    }
}
