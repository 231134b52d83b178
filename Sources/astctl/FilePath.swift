import Glibc
import SystemSupport

/// Converts paths to a form that has the same meaning for the daemon, whose working directory is another.
enum FilePath {
    /// The absolute path; symbolic links are resolved if the file exists.
    static func absolute(_ path: String) -> String {
        if let resolved = realpath(path.systemPath, nil) {
            defer { free(resolved) }
            return PathText.text(cString: resolved)
        }
        guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return PathText.text(cString: current) + "/" + path
    }
}
