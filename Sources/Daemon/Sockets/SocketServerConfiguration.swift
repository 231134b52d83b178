private import Glibc

/// Paths, permissions and limits of the sockets.
public struct SocketServerConfiguration: Sendable {
    /// Directory of `astd.sock` and `events.sock`; created if it is missing.
    public var runtimeDirectory: String
    /// Group of the socket files, if it exists; nil to keep the default.
    public var groupName: String?
    /// Permissions of `astd.sock`.
    public var controlMode: UInt32
    /// Permissions of `events.sock`.
    public var eventsMode: UInt32
    /// Maximum number of clients of each socket.
    public var maximumClients: Int
    /// Sockets passed by systemd; each replaces the one of the same name.
    public var inherited: InheritedSockets
    /// Maximum wait at shutdown for requests in progress.
    public var requestGraceSeconds: Double
    /// Maximum wait at shutdown for clients that read slowly.
    public var shutdownGraceSeconds: Double

    public init(
        runtimeDirectory: String, groupName: String? = "astd", controlMode: UInt32 = 0o660,
        eventsMode: UInt32 = 0o660, maximumClients: Int = 1024,
        inherited: InheritedSockets = .none, requestGraceSeconds: Double = 0.5,
        shutdownGraceSeconds: Double = 0.75
    ) {
        self.runtimeDirectory = runtimeDirectory
        self.groupName = groupName
        self.controlMode = controlMode
        self.eventsMode = eventsMode
        self.maximumClients = maximumClients
        self.inherited = inherited
        self.requestGraceSeconds = requestGraceSeconds
        self.shutdownGraceSeconds = shutdownGraceSeconds
    }
}

/// Why the sockets could not be opened.
public enum SocketServerError: Error, Equatable, Sendable {
    /// The path does not fit into a Unix socket's address; both numbers are bytes.
    case pathTooLong(path: String, bytes: Int, limit: Int)
    /// Another daemon answers on the socket, or is opening it at this moment.
    case anotherDaemon(path: String)
    /// The path of the socket is taken by a file of another kind.
    case notASocket(path: String)
    /// The runtime directory cannot be created or opened; `code` is an errno.
    case directory(path: String, code: Int32)
    /// A system call failed; `code` is an errno.
    case system(call: String, path: String, code: Int32)
    /// NIO could not serve the sockets.
    case server(path: String, reason: String)
}

extension SocketServerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .pathTooLong(let path, let bytes, let limit):
            "\(path): socket path of \(bytes) bytes is too long, at most \(limit): choose a shorter --runtime-dir"
        case .anotherDaemon(let path):
            "another astd is running at \(path): stop it, or choose another --runtime-dir"
        case .notASocket(let path):
            "\(path) is not a socket: remove it, or choose another --runtime-dir"
        case .directory(let path, let code):
            "runtime directory \(path): \(Self.text(code)): \(Self.advice(code)), or choose another --runtime-dir"
        case .system(let call, let path, let code):
            "\(path): \(call): \(Self.text(code)): \(Self.advice(code)), or choose another --runtime-dir"
        case .server(let path, let reason):
            "\(path): \(reason)"
        }
    }

    /// What helps against an error of a path.
    private static func advice(_ code: Int32) -> String {
        switch code {
        case ENOENT: "create the directory above it"
        case ENOTDIR: "remove the file of this name"
        case EACCES, EPERM: "give this user write permission there"
        case EROFS: "make its file system writable"
        case ENOSPC, EDQUOT: "make room on its file system"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
        default: "check it"
        }
    }

    private static func text(_ code: Int32) -> String {
        guard let message = strerror(code) else { return "error \(code)" }
        return String(cString: message)
    }
}

/// The limit of open files and sockets of this process (RLIMIT_NOFILE).
enum DescriptorLimit {
    /// Reserved for everything except clients: model files, the sound server, files to classify.
    private static let reservedDescriptors = 128

    /// Raises the soft limit, up to the hard limit, for `clients` connections to each of two sockets.
    ///
    /// - Returns: The number of connections to each socket that the limit allows, at most `clients`.
    static func raise(forClients clients: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return clients }
        let wanted = rlim_t(2 * clients + reservedDescriptors)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return clients }
        }
        let available = Int(clamping: limit.rlim_cur) - reservedDescriptors
        return max(1, min(clients, available / 2))
    }
}
