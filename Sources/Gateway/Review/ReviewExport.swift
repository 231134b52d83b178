private import Glibc
private import SystemSupport

/// Writes the clips of reviewed events into a folder per label.
///
/// A clip appears under its name only when it is complete, and nothing that exists is overwritten, so that an
/// export can be stopped at any moment and repeated.
///
/// Threading: one thread.
public struct ReviewExport {
    /// How many events ended in which way.
    public struct Counts: Equatable, Sendable {
        public var exported = 0
        /// In the folder of its label from an earlier export.
        public var present = 0
        /// Was in the folder of another label, which a later review has replaced.
        public var moved = 0
        public var wrong = 0
        public var withoutClip = 0
        public var failed = 0

        public init() {}
    }

    public private(set) var counts = Counts()
    /// Labels with a folder.
    public private(set) var labels: Set<String> = []
    private let folder: String
    private let clips: ClipFolders
    private let isStopped: () -> Bool
    private let warn: (String) -> Void
    /// Folder and name of each clip of earlier exports, by id.
    private var present: [String: (folder: String, name: String)] = [:]

    /// The export cannot be continued.
    public enum Stop: Error, Equatable {
        case interrupted
        /// The folder cannot be written.
        case failed(String)
    }

    /// Creates the folder if it is missing, but not its parent.
    ///
    /// - Parameters:
    ///   - isStopped: Asked before each part of a file.
    ///   - warn: Receives a line for each event that is left out for a reason of its own.
    /// - Throws: ``HistoryFailure``
    public init(
        to folder: String, from clips: ClipFolders, isStopped: @escaping () -> Bool,
        warn: @escaping (String) -> Void
    ) throws(HistoryFailure) {
        (self.folder, self.clips, self.isStopped, self.warn) = (folder, clips, isStopped, warn)
        if mkdir(folder.systemPath, 0o777) != 0, errno != EEXIST {
            throw HistoryFailure(description: "cannot create \(folder): \(String(cString: strerror(errno)))")
        }
        for name in try ClipFolders.names(in: folder) where !name.hasPrefix(".") {
            guard let inner = try? ClipFolders.names(in: "\(folder)/\(name)") else { continue }
            for clip in inner { if let id = ClipFolders.id(of: clip) { present[id] = (name, clip) } }
        }
    }

    /// Exports the clip of a reviewed event.
    ///
    /// - Throws: ``Stop``; the counts are those of the events before.
    public mutating func add(_ event: HistoryEvent) throws(Stop) {
        if isStopped() { throw .interrupted }
        let label: String
        switch event.review {
        case .right?: label = event.label
        case .other(let other)?: label = other
        case .wrong?, nil:
            counts.wrong += 1
            if let (folder, name) = present[event.id] {
                warn("\(self.folder)/\(folder)/\(name) is reviewed as wrong now; delete it")
            }
            return
        }
        let target = LabelFolder.name(of: label)
        if let (old, name) = present[event.id] {
            if old != target {
                guard try move(name, from: old, to: target) else { return }
                present[event.id] = (target, name)
                counts.moved += 1
            } else {
                counts.present += 1
            }
            labels.insert(label)
            return
        }
        guard let source = clips[event.id] else {
            counts.withoutClip += 1
            return
        }
        let name = String(
            source[(source.lastIndex(of: "/").map(source.index(after:)) ?? source.startIndex)...])
        guard try copy(source, to: target, name) else { return }
        present[event.id] = (target, name)
        counts.exported += 1
        labels.insert(label)
    }

    private func makeFolder(_ name: String) throws(Stop) -> String {
        let path = "\(folder)/\(name)"
        var status = stat()
        if mkdir(path.systemPath, 0o777) == 0 { return path }
        // A link could lead out of the folder.
        guard errno == EEXIST, lstat(path.systemPath, &status) == 0 else {
            throw .failed("cannot create \(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .failed("\(path) is not a folder; move it away")
        }
        return path
    }

    private mutating func move(_ name: String, from old: String, to target: String) throws(Stop) -> Bool {
        let (source, path) = ("\(folder)/\(old)/\(name)", "\(try makeFolder(target))/\(name)")
        guard Self.rename(source, to: path) else {
            return fail("cannot move \(source) to \(path): \(String(cString: strerror(errno)))")
        }
        rmdir("\(folder)/\(old)".systemPath)  // If it is empty now.
        return true
    }

    /// Renames a file without overwriting another, with `errno`.
    private static func rename(_ source: String, to path: String) -> Bool {
        if link(source.systemPath, path.systemPath) == 0 {
            unlink(source.systemPath)
            return true
        }
        // FAT and exFAT have no links.
        guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { return false }
        if access(path.systemPath, F_OK) == 0 {
            errno = EEXIST
            return false
        }
        return Glibc.rename(source.systemPath, path.systemPath) == 0
    }

    private mutating func copy(_ source: String, to target: String, _ name: String) throws(Stop) -> Bool {
        let input = open(source.systemPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard input >= 0 else {
            if errno == ENOENT {
                // Deleted by its daemon since the folder was listed.
                counts.withoutClip += 1
                return false
            }
            return fail("cannot read \(source): \(String(cString: strerror(errno)))")
        }
        defer { close(input) }
        var status = stat()
        guard fstat(input, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return fail("\(source) is not a regular file")
        }
        let path = "\(try makeFolder(target))/\(name)"
        let temporary = "\(folder)/\(target)/.\(name).part"
        // Readable by the owner only, as the clip: it may contain voices.
        unlink(temporary.systemPath)
        let output = open(temporary.systemPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard output >= 0 else {
            throw .failed("cannot write \(temporary): \(String(cString: strerror(errno)))")
        }
        defer { unlink(temporary.systemPath) }
        let copied: Int64
        do throws(Stop) {
            copied = try copy(from: input, to: output, source, temporary)
        } catch {
            close(output)
            throw error
        }
        guard fsync(output) == 0 && close(output) == 0 else {
            throw .failed("cannot write \(temporary): \(String(cString: strerror(errno)))")
        }
        guard copied == Int64(status.st_size) else { return fail("\(source) could not be read to its end") }
        guard Self.rename(temporary, to: path) else {
            return fail("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        return true
    }

    /// - Returns: Bytes until the end of the input, or until it cannot be read.
    private func copy(
        from input: Int32, to output: Int32, _ source: String, _ target: String
    ) throws(Stop) -> Int64 {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var total: Int64 = 0
        while true {
            if isStopped() { throw .interrupted }
            let count = read(input, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return count < 0 ? -1 : total }
            var rest = buffer[..<count]
            while !rest.isEmpty {
                // SAFETY: the pointer covers `rest` and does not outlive the call.
                let written = rest.withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else {
                    throw .failed("cannot write \(target): \(String(cString: strerror(errno)))")
                }
                rest = rest.dropFirst(written)
            }
            total += Int64(count)
        }
    }

    private mutating func fail(_ reason: String) -> Bool {
        counts.failed += 1
        warn(reason)
        return false
    }
}
