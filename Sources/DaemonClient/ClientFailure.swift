public import Wire

/// Why a daemon could not be reached, or did not carry out a request.
public enum ClientFailure: Error, Equatable, Sendable {
    /// No daemon answers at any of these paths.
    case noDaemon(paths: [String])
    /// This user may not connect.
    case notPermitted(path: String)
    /// The path is too long for a socket, or empty.
    case badPath(String)
    /// The daemon closed the connection.
    case closed(path: String)
    /// The daemon did not answer; `process` is the daemon's, where it is known.
    case timeout(path: String, seconds: Double, process: PeerProcess?)
    /// The daemon answered with an error.
    case refused(method: String, RPCError)
    /// The daemon has another protocol version, or another program answered.
    case notUnderstood(path: String, reason: String)
}

extension ClientFailure {
    /// Whether the daemon may answer later: it starts, stops or has too many clients.
    public var isPassing: Bool {
        switch self {
        case .noDaemon, .notPermitted, .closed, .timeout: true
        case .refused(_, let reason): reason.code == .stopping || reason.code == .tooManyClients
        case .badPath, .notUnderstood: false
        }
    }
}
