private import Glibc

/// Writing failed: a full disk, a closed pipe, a directory that is not there.
public struct WriteError: Error, Equatable, Sendable {
    public var reason: String
    /// The reader went away, which is its right.
    public var isClosedPipe = false

    init(reason: String) { self.reason = reason }

    /// The error of the system call that has just failed.
    init(path: String) {
        let code = errno
        reason = "\(path) cannot be written: \(String(cString: strerror(code)))"
        isClosedPipe = code == EPIPE
    }
}

/// A file that is written beside its place, as `PATH.partial`, and moved there when it is whole: whoever looks at
/// PATH sees all of it or what was there before. Pipes and devices, and standard output, are written as they are.
public final class OutputFile {
    /// `nil` for standard output.
    public let path: String?
    /// Bytes written.
    private(set) var size: Int64 = 0
    private let descriptor: Int32
    private let isMoved: Bool
    private var isFinished = false

    private var name: String { path ?? "standard output" }
    private var partialPath: String { Self.partial(path ?? "") }

    static func partial(_ path: String) -> String { path + ".partial" }

    /// - Parameters:
    ///   - path: `nil` for standard output.
    ///   - kept: Bytes of an unfinished file to go on behind; 0 begins anew.
    public init(path: String?, keeping kept: Int64 = 0) throws(WriteError) {
        self.path = path
        guard let path else {
            descriptor = STDOUT_FILENO
            isMoved = false
            return
        }
        isMoved = Self.isRegularOrAbsent(path)
        let target = isMoved ? Self.partial(path) : path
        // A run that ended between moving its files and forgetting its journal.
        if kept > 0 && access(target, F_OK) != 0 { rename(path, target) }
        descriptor = open(target, O_WRONLY | O_CREAT | O_CLOEXEC | (kept > 0 ? 0 : O_TRUNC), 0o666)
        guard descriptor >= 0 else { throw WriteError(path: path) }
        if kept > 0 { try keep(kept) }
    }

    deinit {
        guard descriptor != STDOUT_FILENO, !isFinished else { return }
        close(descriptor)
    }

    /// Whether it is standard output on a terminal, which the progress line shares.
    var isTerminal: Bool { path == nil && isatty(descriptor) != 0 }

    /// Unbuffered: a record appears as soon as it is known, somebody may be watching.
    public func write(_ bytes: [UInt8]) throws(WriteError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw WriteError(path: name) }
            rest = rest.dropFirst(count)
        }
        size += Int64(bytes.count)
    }

    /// Forgets what was written behind the first `count` bytes.
    func keep(_ count: Int64) throws(WriteError) {
        guard isMoved else { return }
        guard lseek(descriptor, 0, SEEK_END) >= count else {
            throw WriteError(
                reason: "\(partialPath) is shorter than its journal says, it cannot be gone on with: "
                    + "remove it and begin anew")
        }
        guard ftruncate(descriptor, Int(count)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw WriteError(path: partialPath)
        }
        size = count
    }

    /// What was written so far survives a power failure.
    func sync() throws(WriteError) {
        guard isMoved else { return }
        guard fsync(descriptor) == 0 else { throw WriteError(path: partialPath) }
    }

    /// The file is whole, on the disk, and in its place; or it is not and this says so.
    public func finish() throws(WriteError) {
        try sync()
        guard let path else { return }
        isFinished = true
        guard close(descriptor) == 0 else { throw WriteError(path: path) }
        guard isMoved else { return }
        guard rename(partialPath, path) == 0 else { throw WriteError(path: path) }
        Self.syncDirectory(of: path)
    }

    /// Leaves nothing behind.
    func discard() {
        guard isMoved, !isFinished else { return }
        isFinished = true
        close(descriptor)
        unlink(partialPath)
    }

    /// Pipes and devices have no place that something could be moved to.
    static func isRegularOrAbsent(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }

    /// A new name is on the disk when its directory is; not every file system can, and then it is no error.
    static func syncDirectory(of path: String) {
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Makes a directory and those above it.
    static func makeDirectory(_ path: String) throws(WriteError) {
        if path.isEmpty || access(path, F_OK) == 0 { return }
        if let slash = path.lastIndex(of: "/") { try makeDirectory(String(path[..<slash])) }
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw WriteError(path: path) }
    }
}
