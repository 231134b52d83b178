private import Glibc

/// Held while a gateway writes a history: a second gateway with the same file would store and publish every
/// event again.
///
/// The lock is on a file of its own, `PATH.lock`, because closing a database file gives up SQLite's locks on
/// it. It remains on the disk and is free when the process ends, however it ends.
final class HistoryLock: Sendable {
    private let descriptor: Int32

    /// - Throws: ``GatewayError/history(_:)``
    init(_ path: String) throws(GatewayError) {
        descriptor = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else {
            throw .history("\(path).lock: \(String(cString: strerror(errno)))")
        }
        // A file system without locks, such as some network shares, is not an error.
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            throw .history(
                "\(path) is in use by another astd-gateway: stop that one, or give this one another history.path"
            )
        }
    }

    deinit { close(descriptor) }
}
