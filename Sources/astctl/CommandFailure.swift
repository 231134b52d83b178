import Glibc
import Wire

/// Why a command failed, described as `what is wrong: what to do`.
enum CommandFailure: Error, Equatable {
    case usage(String)
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
    /// A file cannot be opened; `code` is an errno.
    case file(path: String, code: Int32)
    /// The output cannot be written; `code` is an errno.
    case output(code: Int32)

    /// 1 request failed, 3 no daemon, 4 timeout, 64 usage error.
    var exitCode: Int32 {
        switch self {
        case .usage, .badPath: 64
        case .noDaemon, .closed: 3
        case .timeout: 4
        case .notPermitted, .refused, .notUnderstood, .file, .output: 1
        }
    }
}

extension CommandFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .usage(let message):
            "\(message): see `astctl --help`"
        case .noDaemon(let paths):
            "no daemon answers at \(paths.joined(separator: " or ")): "
                + "start it with `astd run`, or name its socket with --socket"
        case .notPermitted(let path):
            "\(path): permission denied: join the group of the socket, or run astctl as its owner"
        case .badPath(let path):
            "\(path): not a valid socket path: --socket needs a path of 1 to 107 bytes"
        case .closed(let path):
            "the daemon at \(path) closed the connection: see its log; if it has stopped, start it again"
        case .timeout(let path, let seconds, let process):
            "the daemon at \(path) did not answer within \(Text.number(seconds)) s: "
                + PeerProcess.problem(process)
                + (process?.isStopped == true ? "" : "; try a longer --timeout, or restart it")
        case .refused(let method, let error):
            "the daemon refused `\(method)`: \(Text.printable(error.message))"
        case .notUnderstood(let path, let reason):
            "unexpected answer at \(path) (\(Text.printable(reason))): "
                + "use the astctl of the daemon's version; this is \(astdVersion)"
        case .file(let path, let code):
            "\(Text.printable(path)): \(String(cString: strerror(code))): give a file that you can read"
        case .output(let code):
            "cannot write the output: \(String(cString: strerror(code))): check its destination"
        }
    }
}
