private import Glibc

/// Where adapters are looked for when nobody says.
public enum AdaptersDirectoryLocator {
    /// - Returns: `explicit`, else `$ASTD_ADAPTERS_DIR`, else the standard place where it exists, else `nil`.
    public static func find(explicit: String?) -> String? {
        if let explicit { return explicit }
        if let variable = getenv("ASTD_ADAPTERS_DIR") {
            let path = String(cString: variable)
            if !path.isEmpty { return path }
        }
        let standard = AdapterDirectory.standardPlace
        return access(standard, F_OK) == 0 ? standard : nil
    }
}
