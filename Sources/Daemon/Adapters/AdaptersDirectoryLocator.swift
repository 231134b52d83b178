private import Glibc

/// Finds the directory of adapters.
public enum AdaptersDirectoryLocator {
    /// - Returns: `explicit`, else `$ASTD_ADAPTERS_DIR`, else the standard directory if it exists, else
    ///   `nil`.
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
