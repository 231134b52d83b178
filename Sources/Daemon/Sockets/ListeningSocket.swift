import Glibc

/// A bound Unix stream socket and the file it made. It does not listen yet: nobody can connect before the
/// file has its mode and group.
struct ListeningSocket {
    /// Which file on which device.
    private struct FileIdentity: Equatable {
        let device: dev_t
        let inode: ino_t
    }

    let descriptor: Int32
    let path: String
    /// nil for a socket that systemd made, and keeps.
    private let file: FileIdentity?

    /// Takes over a socket that systemd has bound.
    init(inherited descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
        file = nil
    }

    /// Binds `path`, in place of a file that a dead daemon left there.
    ///
    /// - Parameters:
    ///   - mode: Permissions of the socket file, whatever the umask.
    ///   - group: Group to give the file to, when it exists and this process may; nil to leave it.
    /// - Throws: ``SocketServerError`` `.pathTooLong`, `.anotherDaemon`, `.notASocket` or `.system`.
    init(path: String, mode: mode_t, group: gid_t?) throws(SocketServerError) {
        guard let address = UnixAddress(path) else {
            throw .pathTooLong(path: path, bytes: path.utf8.count, limit: UnixAddress.maximumPathBytes)
        }
        try Self.clear(path, address)
        let descriptor = try Self.makeSocket(path)
        do throws(SocketServerError) {
            // Linux gives the file the mode of the unbound socket, less the umask: never more than `mode`.
            guard fchmod(descriptor, mode) == 0 else { throw Self.failure("fchmod", path) }
            guard address.withAddress({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
                throw Self.failure("bind", path)
            }
            // Not being allowed to give the file away is no reason not to serve.
            if let group { _ = lchown(path, uid_t.max, group) }
            guard chmod(path, mode) == 0 else { throw Self.failure("chmod", path) }
            var status = stat()
            guard lstat(path, &status) == 0 else { throw Self.failure("stat", path) }
            file = FileIdentity(device: status.st_dev, inode: status.st_ino)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.path = path
    }

    /// Whether somebody has removed the file: nobody can connect any more. Never so for a socket of systemd's.
    var isFileGone: Bool {
        var status = stat()
        return file != nil && lstat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)
    }

    /// Removes the socket file, unless another one has taken its place.
    func removeFile() {
        var status = stat()
        guard let file, lstat(path, &status) == 0 else { return }
        if file == FileIdentity(device: status.st_dev, inode: status.st_ino) { unlink(path) }
    }

    /// Gives the socket up before it was ever served.
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

    /// Removes what a dead daemon left at `path`; refuses what is anything else.
    private static func clear(_ path: String, _ address: UnixAddress) throws(SocketServerError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw failure("stat", path)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let probe = try makeSocket(path)
        defer { Glibc.close(probe) }
        if address.withAddress({ connect(probe, $0, $1) }) == 0 { throw .anotherDaemon(path: path) }
        switch errno {
        case ECONNREFUSED: break
        case ENOENT: return
        case EAGAIN: throw .anotherDaemon(path: path)  // Its queue of connections is full.
        default: throw failure("connect", path)
        }
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("unlink", path) }
    }
}
