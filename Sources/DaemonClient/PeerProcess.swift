private import Glibc

/// The process of the daemon that serves a socket.
public struct PeerProcess: Equatable, Sendable {
    public let identifier: Int32
    /// Whether it is stopped (SIGSTOP, Ctrl-Z, a debugger) and does nothing until it is continued.
    public let isStopped: Bool

    public init(identifier: Int32, isStopped: Bool) {
        (self.identifier, self.isStopped) = (identifier, isStopped)
    }

    /// Looks at the process that listens on the other end of a connection; nil if it is not an astd that this
    /// process sees: it may run in another container, or systemd may have opened the socket for it.
    init?(of descriptor: Int32) {
        // Linux' `struct ucred`, which Glibc does not import: the numbers of the process, its user and group.
        var credentials: [Int32] = [0, 0, 0]
        var length = socklen_t(credentials.count * MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0,
            let process = credentials.first, process > 0,
            Self.read("/proc/\(process)/comm") == "astd\n",
            let status = Self.read("/proc/\(process)/stat")
        else { return nil }
        // "42 (astd) T 1 ...": T when it is stopped, t by a debugger.
        let state = status.split(separator: ")").last?.drop { $0 == " " }.first
        self.init(identifier: process, isStopped: state == "T" || state == "t")
    }

    /// Why a daemon does not answer.
    ///
    /// - Parameter process: Its process, where it is known.
    public static func problem(_ process: PeerProcess?) -> String {
        guard let process else { return "it is busy or hangs" }
        let id = process.identifier
        return process.isStopped
            ? "its process \(id) is stopped; continue it with `kill -CONT \(id)`"
            : "its process \(id) is busy or hangs"
    }

    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
