import Glibc

/// Why the sockets could not be opened.
public enum SocketServerError: Error, Equatable, Sendable {
    /// The path does not fit a Unix socket's address; both numbers are bytes.
    case pathTooLong(path: String, bytes: Int, limit: Int)
    /// Somebody answers on the socket, or is opening it right now.
    case anotherDaemon(path: String)
    /// Something that is not a socket lies where the socket should be.
    case notASocket(path: String)
    /// The runtime directory cannot be made or used; `code` is an errno.
    case directory(path: String, code: Int32)
    /// A system call failed; `code` is an errno.
    case system(call: String, path: String, code: Int32)
    /// The event loop could not take the sockets over.
    case server(path: String, reason: String)
}

extension SocketServerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .pathTooLong(let path, let bytes, let limit):
            "\(path): \(bytes) bytes are too long for a socket, \(limit) fit: choose a shorter --runtime-dir"
        case .anotherDaemon(let path):
            "another astd is running at \(path): stop it, or choose another --runtime-dir"
        case .notASocket(let path):
            "\(path) is not a socket: remove it, or choose another --runtime-dir"
        case .directory(let path, let code):
            "runtime directory \(path): \(Self.text(code)): make it, or choose another --runtime-dir"
        case .system(let call, let path, let code):
            "\(path): \(call): \(Self.text(code)): check who owns it, or choose another --runtime-dir"
        case .server(let path, let reason):
            "\(path): \(reason)"
        }
    }

    private static func text(_ code: Int32) -> String {
        guard let message = strerror(code) else { return "error \(code)" }
        return String(cString: message)
    }
}
