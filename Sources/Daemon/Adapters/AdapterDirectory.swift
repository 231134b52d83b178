private import Glibc
private import Inference
private import Recognizer

/// A directory with an adapter in each of its directories.
enum AdapterDirectory {
    /// Where packages and administrators put adapters.
    static let standardPlace = "/var/lib/astd/adapters"

    /// Paths by name. What is no adapter is left out, and so are names that begin with a dot: half-copied ones.
    ///
    /// - Returns: `nil` when the directory cannot be read.
    static func adapters(in directory: String) -> [String: String]? {
        guard let stream = opendir(directory) else { return nil }
        defer { closedir(stream) }
        var found: [String: String] = [:]
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = directory + "/" + name
            guard !name.hasPrefix("."), AdapterName.problem(name) == nil,
                LoRAAdapter.isAdapter(directory: path)
            else { continue }
            found[name] = path
        }
        return found
    }
}
