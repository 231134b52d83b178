private import Glibc

/// Finds the model directory.
public enum ModelLocator {
    /// In the working directory, then where administrators and packages install models.
    public static let standardPlaces = [
        "models/default", "/var/lib/astd/models/default", "/usr/share/astd/models/default",
    ]

    /// - Returns: `explicit`, else `$ASTD_MODEL`, else the first standard place that has a `config.json`;
    ///   `nil` when none has one.
    public static func find(explicit: String?) -> String? {
        if let explicit { return explicit }
        if let variable = getenv("ASTD_MODEL") {
            let path = String(cString: variable)
            if !path.isEmpty { return path }
        }
        return standardPlaces.first { access($0 + "/config.json", F_OK) == 0 }
    }
}
