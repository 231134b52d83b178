private import Glibc

/// Programs on the disk.
public enum ExecutableFile {
    /// Whether this is a regular file that this user may execute.
    public static func exists(atPath path: String) -> Bool {
        var status = stat()
        return stat(path.systemPath, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && access(path.systemPath, X_OK) == 0
    }
}
