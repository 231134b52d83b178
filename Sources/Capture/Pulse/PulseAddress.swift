private import Glibc
public import SystemSupport

/// The PulseAudio server that a connection tries: its address, and where that comes from.
public struct PulseAddress: Equatable, Sendable {
    public enum Origin: Equatable, Sendable {
        /// The caller named the server.
        case given
        /// The variable `PULSE_SERVER` names it.
        case environment
        /// The user's own server.
        case standard
    }

    /// As libpulse writes it, or the path of the socket.
    public let text: String
    public let origin: Origin

    /// - Parameters:
    ///   - server: The address that the caller named; nil for `PULSE_SERVER` or the user's own server.
    ///   - lastTried: The last address that libpulse has tried, which `client.conf` may name.
    public init(_ server: String?, environment: Environment = .process, lastTried: String? = nil) {
        if let server {
            (text, origin) = (server, .given)
        } else if let server = environment["PULSE_SERVER"] {
            (text, origin) = (server, .environment)
        } else {
            origin = .standard
            // libpulse tries the user's socket, then that of a server for the whole machine.
            let isLast = lastTried?.hasSuffix("/run/pulse/native") ?? true
            text = (isLast ? Self.standardSocket(environment) : nil) ?? lastTried ?? "its standard socket"
        }
    }

    /// Why a connection to the server's socket failed; libpulse reports all of them as a refused connection.
    enum Obstacle: Equatable {
        /// This user may not open the socket, or enter its folder.
        case forbidden
        /// As many clients as the system lets wait are waiting to be accepted: the server hangs.
        case fullBacklog
    }

    /// Tries the socket once more; `nil` for a server of another machine, and if it accepts the connection.
    func findObstacle() -> Obstacle? {
        let path = text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text
        guard path.hasPrefix("/"), let address = UnixAddress(path: path) else { return nil }
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = socket(AF_UNIX, Int32(type), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard address.connect(descriptor) != 0 else { return nil }
        switch errno {
        case EACCES: return .forbidden
        case EAGAIN: return .fullBacklog
        default: return nil
        }
    }

    /// The socket of the user's own server; nil without a session.
    private static func standardSocket(_ environment: Environment) -> String? {
        if let folder = environment["PULSE_RUNTIME_PATH"] { return folder + "/native" }
        return environment["XDG_RUNTIME_DIR"].map { $0 + "/pulse/native" }
    }
}
