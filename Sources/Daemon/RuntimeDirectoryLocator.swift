private import Glibc

/// Where the sockets are when nobody says.
public enum RuntimeDirectoryLocator {
    /// - Returns: `explicit`, else `$ASTD_RUNTIME_DIR`, `$RUNTIME_DIRECTORY` (systemd's), `$XDG_RUNTIME_DIR/astd`,
    ///   `/run/astd`.
    public static func find(explicit: String?) -> String {
        if let explicit { return explicit }
        if let own = variable("ASTD_RUNTIME_DIR") { return own }
        // systemd joins several directories with colons; the first is ours.
        if let systemd = variable("RUNTIME_DIRECTORY") { return String(systemd.prefix { $0 != ":" }) }
        if let session = variable("XDG_RUNTIME_DIR") { return session + "/astd" }
        return "/run/astd"
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
