import Glibc
private import SystemSupport

/// The directory of both sockets. It is locked while they are opened, so that only one of two daemons that
/// start at the same time succeeds.
struct RuntimeDirectory {
    let path: String
    private let descriptor: Int32

    /// Creates the directory if it is missing (its parent must exist) and locks it.
    ///
    /// - Throws: ``SocketServerError`` `.directory`, or `.anotherDaemon` when another daemon is starting.
    init(path: String, mode: mode_t = 0o755) throws(SocketServerError) {
        if mkdir(path.systemPath, mode) == 0 {
            chmod(path.systemPath, mode)  // mkdir applies the umask.
        } else if errno != EEXIST {
            throw .directory(path: path, code: errno)
        }
        descriptor = open(path.systemPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
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

    /// The id of a group by name; nil when the group does not exist.
    static func groupID(named name: String) -> gid_t? {
        var entry = group()
        var result: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 16 * 1024)
        // SAFETY: every pointer is to memory that outlives the call; `gr_gid` is read by value.
        let code = getgrnam_r(name, &entry, &buffer, buffer.count, &result)
        return code == 0 && result != nil ? entry.gr_gid : nil
    }
}
