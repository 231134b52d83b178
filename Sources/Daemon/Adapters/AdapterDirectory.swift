private import Inference
private import Recognizer
private import SystemSupport

/// A directory with one adapter per subdirectory.
enum AdapterDirectory {
    /// Paths by name. Entries that are not adapters are ignored, and so are hidden ones, which may be
    /// incomplete copies.
    ///
    /// - Returns: `nil` when the directory cannot be read.
    static func adapters(in directory: String) -> [String: String]? {
        let (names, failure) = DirectoryNames.read(directory)
        guard failure == nil else { return nil }
        var found: [String: String] = [:]
        for name in names {
            let path = directory + "/" + name
            guard !name.hasPrefix("."), AdapterName.problem(name) == nil,
                LoRAAdapter.isAdapter(directory: path)
            else { continue }
            found[name] = path
        }
        return found
    }
}
