private import Glibc
private import SystemSupport

/// Names of adapters. By default an adapter is named after its directory.
public enum AdapterName {
    /// The name that stands for the model without an adapter.
    public static let base = "base"
    public static let maximumBytes = 128

    /// The last component of a directory's path, with links and dots resolved.
    public static func of(directory: String) -> String {
        let resolved = realpath(directory.systemPath, nil)
        defer { free(resolved) }
        let path = resolved.map { PathText.text(cString: $0) } ?? directory
        return path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Why `name` is not a valid name; `nil` when it is valid.
    public static func problem(_ name: String) -> String? {
        if name == base { return "`\(base)` stands for the model without an adapter" }
        if name.isEmpty || name.utf8.count > maximumBytes {
            return "the name must have 1 to \(maximumBytes) bytes"
        }
        if name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F || $0 == "/" }) {
            return "the name must not contain slashes or control characters"
        }
        return nil
    }
}
