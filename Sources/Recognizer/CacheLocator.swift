#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// Where packed weights are kept when nobody says.
public enum CacheLocator {
    /// - Returns: `explicit`, else `$ASTD_CACHE_DIR`, else systemd's `$CACHE_DIRECTORY`, else `astd` in
    ///   `$XDG_CACHE_HOME` or `~/.cache`; `nil` when there is none of them.
    public static func find(explicit: String?) -> String? {
        if let explicit { return explicit }
        // systemd gives several directories with colons between.
        if let own = variable("ASTD_CACHE_DIR") { return own }
        if let given = variable("CACHE_DIRECTORY")?.split(separator: ":").first { return String(given) }
        if let session = variable("XDG_CACHE_HOME") { return session + "/astd" }
        return variable("HOME").map { $0 + "/.cache/astd" }
    }

    /// A variable that holds an absolute path.
    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.hasPrefix("/") ? text : nil
    }
}
