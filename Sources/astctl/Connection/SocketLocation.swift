import Glibc

/// The paths at which the daemon's socket may be.
struct SocketLocation: Equatable {
    /// In the order in which they are tried; only one if the user gave it.
    let candidates: [String]

    /// - Parameter environment: Reads a variable.
    init(option: String?, environment: (String) -> String?) {
        if let named = option ?? environment("ASTD_SOCKET") {
            candidates = [named]
        } else {
            let own = environment("XDG_RUNTIME_DIR").map { "\($0)/astd/astd.sock" }
            candidates = (own.map { [$0] } ?? []) + ["/run/astd/astd.sock"]
        }
    }

    /// The path that the user gave, or the first that exists.
    ///
    /// - Throws: ``CommandFailure/noDaemon(paths:)`` with all candidates.
    func find() throws(CommandFailure) -> String {
        if candidates.count == 1 { return candidates[0] }
        for path in candidates where access(path, F_OK) == 0 || errno == EACCES { return path }
        throw .noDaemon(paths: candidates)
    }
}

enum Environment {
    /// A variable; nil when it is unset or empty.
    static func value(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
