public import Capture
public import Inference

/// Why a daemon did not start, or ended.
public enum DaemonError: Error, Sendable {
    case model(ModelError)
    /// An adapter of the command line cannot be used.
    case adapter(String)
    case source(CaptureError)
    case sockets(SocketServerError)
    /// The scores are no numbers.
    case brokenModel(String)
    case noThread
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
        case .noThread: "the system gives no more threads: look at its limits (ulimit -u)"
        }
    }
}
