import Glibc

/// The directory both sockets lie in, locked while they are opened, so that of two daemons that start at
/// the same moment one is refused.
struct RuntimeDirectory {
    let path: String
    private let descriptor: Int32

    /// Makes the directory when it is missing (its parent must be there) and locks it.
    ///
    /// - Throws: ``SocketServerError`` `.directory`, or `.anotherDaemon` when one is just starting.
    init(path: String, mode: mode_t = 0o755) throws(SocketServerError) {
        if mkdir(path, mode) == 0 {
            chmod(path, mode)  // Whatever the umask took away.
        } else if errno != EEXIST {
            throw .directory(path: path, code: errno)
        }
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .directory(path: path, code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            throw code == EWOULDBLOCK ? .anotherDaemon(path: path) : .directory(path: path, code: code)
        }
        self.path = path
    }

    func unlock() {
        close(descriptor)
    }

    func file(_ name: String) -> String {
        path.hasSuffix("/") ? path + name : "\(path)/\(name)"
    }

    /// The id of a group by name, or nil when there is none.
    static func groupID(named name: String) -> gid_t? {
        var entry = group()
        var result: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 16 * 1024)
        // SAFETY: every pointer is to memory that lives through the call; `gr_gid` is a plain number.
        let code = getgrnam_r(name, &entry, &buffer, buffer.count, &result)
        return code == 0 && result != nil ? entry.gr_gid : nil
    }
}
