import Glibc
private import SystemSupport

/// A listening Unix stream socket and its file. It listens once the file has its mode and group, before
/// anything accepts: a client that has seen the file can connect and waits in the backlog.
struct ListeningSocket {
    private struct FileIdentity: Equatable {
        let device: dev_t
        let inode: ino_t
    }

    let descriptor: Int32
    let path: String
    /// nil for a socket that systemd has created: systemd also removes its file.
    private let file: FileIdentity?

    /// Wraps a socket that systemd has bound.
    init(inherited descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
        file = nil
    }

    /// Binds `path`; replaces the socket file of a daemon that no longer runs.
    ///
    /// - Parameters:
    ///   - mode: Permissions of the socket file, whatever the umask.
    ///   - group: Group of the socket file, if this process may set it; nil to keep the default.
    /// - Throws: ``SocketServerError`` `.pathTooLong`, `.anotherDaemon`, `.notASocket` or `.system`.
    init(path: String, mode: mode_t, group: gid_t?) throws(SocketServerError) {
        guard let address = UnixAddress(pathOrName: path) else {
            throw .pathTooLong(
                path: path, bytes: PathText.bytes(path).count, limit: UnixAddress.maximumPathBytes)
        }
        try Self.clear(path, address)
        let descriptor = try Self.makeSocket(path)
        do throws(SocketServerError) {
            // Linux gives the file the mode of the unbound socket, less the umask: never more than `mode`.
            guard fchmod(descriptor, mode) == 0 else { throw Self.failure("fchmod", path) }
            guard address.bind(descriptor) == 0 else {
                throw Self.failure("bind", path)
            }
            // A process that may not change the group still serves its own user.
            if let group { _ = lchown(path.systemPath, uid_t.max, group) }
            guard chmod(path.systemPath, mode) == 0 else { throw Self.failure("chmod", path) }
            guard listen(descriptor, SOMAXCONN) == 0 else { throw Self.failure("listen", path) }
            var status = stat()
            guard lstat(path.systemPath, &status) == 0 else { throw Self.failure("stat", path) }
            file = FileIdentity(device: status.st_dev, inode: status.st_ino)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.path = path
    }

    /// Whether the file was removed, so that no client can connect. Always false for systemd's sockets.
    var isFileMissing: Bool {
        var status = stat()
        return file != nil && lstat(path.systemPath, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)
    }

    /// Removes the socket file, unless another file has replaced it.
    func removeFile() {
        var status = stat()
        guard let file, lstat(path.systemPath, &status) == 0 else { return }
        if file == FileIdentity(device: status.st_dev, inode: status.st_ino) { unlink(path.systemPath) }
    }

    /// Closes a socket that was never served.
    func discard() {
        removeFile()
        Glibc.close(descriptor)
    }

    private static func failure(_ call: String, _ path: String) -> SocketServerError {
        .system(call: call, path: path, code: errno)
    }

    private static func makeSocket(_ path: String) throws(SocketServerError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw failure("socket", path) }
        return descriptor
    }

    /// Removes the socket file of a daemon that no longer runs; throws for any other file at `path`.
    private static func clear(_ path: String, _ address: UnixAddress) throws(SocketServerError) {
        var status = stat()
        guard lstat(path.systemPath, &status) == 0 else {
            if errno == ENOENT { return }
            throw failure("stat", path)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let probe = try makeSocket(path)
        defer { Glibc.close(probe) }
        if address.connect(probe) == 0 { throw .anotherDaemon(path: path) }
        switch errno {
        case ECONNREFUSED: break
        case ENOENT: return
        case EAGAIN: throw .anotherDaemon(path: path)  // Its backlog is full.
        default: throw failure("connect", path)
        }
        guard unlink(path.systemPath) == 0 || errno == ENOENT else { throw failure("unlink", path) }
    }
}
