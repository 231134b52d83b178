private import Inference
private import Recognizer

/// The adapters of `adapters_dir`: one in each of its folders, or the directory itself.
struct AdapterDirectory {
    /// The folders to load by the adapters' names.
    private(set) var adapters: [String: String] = [:]
    /// Messages about folders that are not loaded. Hidden ones are not mentioned: they may be incomplete
    /// copies.
    private(set) var warnings: [String] = []

    /// - Returns: `nil` when the directory cannot be read.
    init?(reading directory: String) {
        guard let folders = AdapterFolder.subfolders(of: directory) else { return nil }
        if AdapterFolder.isAdapter(directory) {
            add(directory, named: AdapterName.of(directory: directory))
            warnings.append(
                "\(directory) is itself an adapter, so the folders in it are not read; adapters_dir is usually the "
                    + "folder above")
            return
        }
        for name in folders { add(directory + "/" + name, named: name) }
    }

    private mutating func add(_ path: String, named name: String) {
        if let problem = AdapterName.problem(name) {
            warnings.append("\(path) is not loaded: \(problem)")
            return
        }
        do throws(ModelError) {
            _ = try AdapterFolder.adapter(in: path)
            adapters[name] = path
        } catch {
            warnings.append("\(error)")
        }
    }
}
