public import Capture
public import Inference
public import SystemSupport

/// Why the daemon did not start, or stopped.
public enum DaemonError: Error, Sendable {
    case model(ModelError)
    /// An adapter given on the command line cannot be used.
    case adapter(String)
    case source(CaptureError)
    case sockets(SocketServerError)
    /// The model produced NaN or infinite scores.
    case brokenModel(String)
    case thread(ThreadError)
    /// Settings that the model contradicts; one line each.
    case settings([String])
}

extension DaemonError: CustomStringConvertible {
    /// One line: what is wrong and what to do.
    public var description: String {
        switch self {
        case .model(let error): error.description
        case .adapter(let reason): reason
        case .source(let error): error.description
        case .sockets(let error): error.description
        case .brokenModel(let reason): reason
        case .thread(let error): error.description
        case .settings(let problems): problems.joined(separator: "; ")
        }
    }
}
