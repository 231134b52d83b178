internal import DaemonClient
import SystemSupport
import Glibc

/// The paths at which the daemon's socket may be.
struct SocketLocation: Equatable {
    /// In the order in which they are tried; only one if the user gave it.
    let candidates: [String]

    init(named: String?, paths: StandardPaths = StandardPaths()) {
        candidates = paths.controlSockets(named: named)
    }

    /// The path that the user gave, or the first that exists.
    ///
    /// - Throws: ``ClientFailure/noDaemon(paths:)`` with all candidates.
    func find() throws(ClientFailure) -> String {
        if candidates.count == 1 { return candidates[0] }
        for path in candidates where access(path.systemPath, F_OK) == 0 || errno == EACCES { return path }
        throw .noDaemon(paths: candidates)
    }
}
