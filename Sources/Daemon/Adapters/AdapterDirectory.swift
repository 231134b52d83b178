private import Glibc
private import Inference
private import Recognizer

/// A directory with one adapter per subdirectory.
enum AdapterDirectory {
    /// Paths by name. Entries that are not adapters are ignored, and so are hidden ones, which may be
    /// incomplete copies.
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
