#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// What an adapter is called when nobody says: as its directory is.
public enum AdapterName {
    /// Names that mean the model without any adapter.
    public static let base = "base"
    public static let maximumBytes = 128

    /// The last part of a directory's path, links and dots resolved.
    public static func of(directory: String) -> String {
        let resolved = realpath(directory, nil)
        defer { free(resolved) }
        let path = resolved.map { String(cString: $0) } ?? directory
        return path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Why `name` is none; `nil` when it is one.
    public static func problem(_ name: String) -> String? {
        if name == base { return "`\(base)` means the model without an adapter" }
        if name.isEmpty || name.utf8.count > maximumBytes { return "a name has 1 to \(maximumBytes) bytes" }
        if name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F || $0 == "/" }) {
            return "a name has no slashes and no control characters"
        }
        return nil
    }
}
