private import Glibc

/// Finds the directory of packed weights.
public enum CacheLocator {
    /// - Returns: `explicit`, else `$ASTD_CACHE_DIR`, else systemd's `$CACHE_DIRECTORY`, else `astd` in
    ///   `$XDG_CACHE_HOME` or `~/.cache`; `nil` when none of these is set.
    public static func find(explicit: String?) -> String? {
        if let explicit { return explicit }
        // systemd separates several directories with colons.
        if let own = variable("ASTD_CACHE_DIR") { return own }
        if let given = variable("CACHE_DIRECTORY")?.split(separator: ":").first { return String(given) }
        if let session = variable("XDG_CACHE_HOME") { return session + "/astd" }
        return variable("HOME").map { $0 + "/.cache/astd" }
    }

    /// The value of a variable if it is an absolute path.
    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.hasPrefix("/") ? text : nil
    }
}
