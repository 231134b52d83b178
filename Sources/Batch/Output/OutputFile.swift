private import Capture
private import Glibc
internal import SystemSupport

/// Writing failed, for example because of a full disk, a closed pipe or a missing directory.
public struct WriteError: Error, Equatable, Sendable {
    public var reason: String
    /// The reader closed the pipe, which is not an error of the run.
    public var isClosedPipe = false
    /// The name of the output cannot be used, so other outputs may succeed.
    var concernsName = false
    /// A system call failed, so the same run may succeed later.
    private(set) var isOfSystem = false

    init(reason: String) { self.reason = reason }

    /// The error of the system call that has just failed.
    init(path: String) {
        let code = errno
        reason = "\(path) cannot be written: \(String(cString: strerror(code)))"
        isClosedPipe = code == EPIPE
        isOfSystem = true
        concernsName = [ENAMETOOLONG, EEXIST, ENOTDIR, EISDIR, EILSEQ, EINVAL, ELOOP, EACCES].contains(code)
    }
}

/// A file that is written as `PATH.partial` and renamed to PATH when it is complete, so that PATH is never
/// incomplete. Pipes, devices and standard output are written directly.
public final class OutputFile {
    /// `nil` for standard output.
    public let path: String?
    /// Bytes written.
    private(set) var size: Int64 = 0
    private let descriptor: Int32
    private let isRenamed: Bool
    private var isFinished = false

    private var name: String { path ?? "standard output" }
    private var partialPath: String { Self.partial(path ?? "") }

    /// The path without `.`, `..` and links, as far as its directory exists.
    static func absolute(_ path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let directory = path.contains("/") ? parts.dropLast().joined(separator: "/") + "/." : "."
        guard let resolved = realpath(directory.systemPath, nil) else { return path }
        defer { free(resolved) }
        return PathText.text(cString: resolved) + "/" + (parts.last ?? "")
    }

    static func partial(_ path: String) -> String { path + ".partial" }

    /// - Parameters:
    ///   - path: `nil` for standard output.
    ///   - kept: Bytes to keep of an unfinished file; 0 starts over.
    init(path: String?, keeping kept: Int64 = 0) throws(WriteError) {
        self.path = path.map(Self.target(of:))
        guard let path = self.path else {
            descriptor = STDOUT_FILENO
            isRenamed = false
            return
        }
        try Self.refuseRecording(path)
        isRenamed = Self.isRegularOrAbsent(path)
        let target = isRenamed ? Self.partial(path) : path
        // The run may have ended between renaming its files and deleting its journal.
        if kept > 0 && access(target.systemPath, F_OK) != 0 {
            rename(path.systemPath, target.systemPath)
        }
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (kept > 0 ? 0 : O_TRUNC)
        var opened = open(target.systemPath, flags, 0o666)
        if opened < 0 && errno == ENOENT {
            try Self.makeDirectory(of: path)
            opened = open(target.systemPath, flags, 0o666)
        }
        descriptor = opened
        guard descriptor >= 0 else { throw WriteError(path: path) }
        if kept > 0 { try truncate(to: kept) }
    }

    /// An output must not replace a recording, whether it is an input of the run or not.
    static func refuseRecording(_ path: String) throws(WriteError) {
        guard AudioSniff.isAudio(path: path) else { return }
        throw WriteError(reason: "\(path) is a recording, which the output would replace; name another file")
    }

    /// Checks that an unfinished file has what its journal says.
    static func requireContinuable(_ path: String, size: Int64, journal: String) throws(WriteError) {
        guard size > 0, isRegularOrAbsent(path) else { return }
        let partial = Self.partial(path)
        // The run may have ended between renaming its files and completing its journal.
        guard let found = Self.size(partial) ?? Self.size(path) else {
            throw WriteError(
                reason:
                    "\(path) is missing, also as \(partial), so the run cannot be continued: restore it, or "
                    + "delete \(journal) to start over")
        }
        guard found < size else { return }
        throw WriteError(
            reason:
                "\(partial) has \(found) bytes, fewer than the \(size) of its journal, so the run cannot be "
                + "continued: delete it and \(journal) to start over")
    }

    /// Checks that nothing of an earlier run would be overwritten whose journal was lost.
    static func requireUnused(_ path: String, journal: String) throws(WriteError) {
        let partial = Self.partial(path)
        guard isRegularOrAbsent(path), let size = Self.size(partial), size > 0 else { return }
        throw WriteError(
            reason:
                "\(journal) is empty, so it is unknown which files \(partial) contains: delete both to start over"
        )
    }

    private static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path.systemPath, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// What a path leads to if it is a link, also to a file that does not exist yet: the link stays, and its
    /// target is written.
    public static func target(of path: String) -> String {
        guard isRegularOrAbsent(path) else { return path }
        var path = path
        for _ in 0..<40 {
            var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            let length = readlink(path.systemPath, &target, target.count - 1)
            guard length > 0 else { return path }
            let text = PathText.text(cString: target)
            path = text.hasPrefix("/") ? text : directory(of: path) + "/" + text
        }
        return path
    }

    deinit {
        guard descriptor != STDOUT_FILENO, !isFinished else { return }
        close(descriptor)
    }

    /// Whether it is standard output on a terminal, which the progress line shares.
    var isTerminal: Bool { path == nil && isatty(descriptor) != 0 }

    /// Writes without a buffer, so that a reader sees each record at once.
    func write(_ bytes: [UInt8]) throws(WriteError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw WriteError(path: name) }
            rest = rest.dropFirst(count)
        }
        size += Int64(bytes.count)
    }

    /// Replaces the first bytes of a file that can be renamed; its length stays.
    func replaceHead(with bytes: [UInt8]) throws(WriteError) {
        precondition(isRenamed && bytes.count <= size)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written, written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw WriteError(path: name) }
            written += count
        }
    }

    /// Number of lines written so far, also by an interrupted run.
    func lineCount() throws(WriteError) -> Int {
        let reader = open(partialPath.systemPath, O_RDONLY | O_CLOEXEC)
        guard reader >= 0 else { throw WriteError(path: name) }
        defer { close(reader) }
        var block = [UInt8](repeating: 0, count: 1 << 16)
        var lines = 0
        while true {
            let count = read(reader, &block, block.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw WriteError(path: name) }
            if count == 0 { return lines }
            lines += block[..<count].count { $0 == UInt8(ascii: "\n") }
        }
    }

    /// Removes everything after the first `count` bytes.
    func truncate(to count: Int64) throws(WriteError) {
        guard isRenamed else { return }
        guard lseek(descriptor, 0, SEEK_END) >= count else {
            throw WriteError(
                reason: "\(partialPath) is shorter than its journal says and cannot be resumed; "
                    + "delete it and the journal to start over")
        }
        guard ftruncate(descriptor, Int(count)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw WriteError(path: partialPath)
        }
        size = count
    }

    /// Writes everything so far to the disk, so that it survives a power failure.
    func sync() throws(WriteError) {
        guard isRenamed else { return }
        guard fsync(descriptor) == 0 else { throw WriteError(path: partialPath) }
    }

    /// Syncs the complete file and renames it to its path.
    func finish() throws(WriteError) {
        try sync()
        guard let path else { return }
        isFinished = true
        guard close(descriptor) == 0 else { throw WriteError(path: path) }
        guard isRenamed else { return }
        guard rename(partialPath.systemPath, path.systemPath) == 0 else { throw WriteError(path: path) }
        Self.syncDirectory(of: path)
    }

    /// Writes a whole file; leaves nothing behind if that fails.
    public static func write(_ bytes: [UInt8], to path: String) throws(WriteError) {
        let file = try OutputFile(path: path)
        do throws(WriteError) {
            try file.write(bytes)
            try file.finish()
        } catch {
            file.discard()
            throw error
        }
    }

    /// Deletes the unfinished file.
    func discard() {
        guard isRenamed, !isFinished else { return }
        isFinished = true
        close(descriptor)
        unlink(partialPath.systemPath)
    }

    /// Whether a file can be renamed to the path; not over pipes and devices.
    static func isRegularOrAbsent(_ path: String) -> Bool {
        var status = stat()
        return stat(path.systemPath, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }

    /// Writes a renamed file's directory entry to the disk. Errors are ignored: not every file system can do
    /// it.
    static func syncDirectory(of path: String) {
        let descriptor = open(directory(of: path).systemPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Whether the directory of a file exists.
    static func hasDirectory(_ path: String) -> Bool { access(directory(of: path).systemPath, F_OK) == 0 }

    /// Creates the directory of a file, and its parents.
    static func makeDirectory(of path: String) throws(WriteError) { try makeDirectory(directory(of: path)) }

    private static func directory(of path: String) -> String {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        return slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }

    /// Creates a directory and its parents.
    static func makeDirectory(_ path: String) throws(WriteError) {
        if path.isEmpty || access(path.systemPath, F_OK) == 0 { return }
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
            try makeDirectory(String(path[..<slash]))
        }
        guard mkdir(path.systemPath, 0o777) == 0 || errno == EEXIST else { throw WriteError(path: path) }
    }
}
