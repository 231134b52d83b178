import DaemonClient
import Glibc
import Wire

/// Why a command failed, described as `what is wrong: what to do`.
enum CommandFailure: Error, Equatable {
    case usage(String)
    /// The daemon could not be reached, or refused.
    case daemon(ClientFailure)
    /// A file cannot be opened; `code` is an errno.
    case file(path: String, code: Int32)
    /// The output cannot be written; `code` is an errno.
    case output(code: Int32)

    /// 1 request failed, 3 no daemon, 4 timeout, 64 usage error.
    var exitCode: Int32 {
        switch self {
        case .usage, .daemon(.badPath): 64
        case .daemon(.noDaemon), .daemon(.closed): 3
        case .daemon(.timeout): 4
        case .daemon(.notPermitted), .daemon(.refused), .daemon(.notUnderstood), .file, .output: 1
        }
    }
}

extension CommandFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .usage(let message):
            "\(message): see `astctl --help`"
        case .daemon(.noDaemon(let paths)):
            "no daemon answers at \(paths.joined(separator: " or ")): "
                + "start it with `astd run`, or name its socket with --socket"
        case .daemon(.notPermitted(let path)):
            "\(path): permission denied: join the group of the socket, or run astctl as its owner"
        case .daemon(.badPath(let path)):
            "\(path): not a valid socket path: --socket needs a path of 1 to 107 bytes"
        case .daemon(.closed(let path)):
            "the daemon at \(path) closed the connection: see its log; if it has stopped, start it again"
        case .daemon(.timeout(let path, let seconds, let process)):
            "the daemon at \(path) did not answer within \(Text.number(seconds)) s: "
                + PeerProcess.problem(process)
                + (process?.isStopped == true ? "" : "; try a longer --timeout, or restart it")
        case .daemon(.refused(let method, let error)):
            "the daemon refused `\(method)`: \(Text.printable(error.message))"
        case .daemon(.notUnderstood(let path, let reason)):
            "unexpected answer at \(path) (\(Text.printable(reason))): "
                + "use the astctl of the daemon's version; this is \(astdVersion)"
        case .file(let path, let code):
            "\(Text.printable(path)): \(String(cString: strerror(code))): give a file that you can read"
        case .output(let code):
            "cannot write the output: \(String(cString: strerror(code))): check its destination"
        }
    }
}
