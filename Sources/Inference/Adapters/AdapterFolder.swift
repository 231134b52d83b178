private import Glibc
private import SystemSupport

/// Finds adapters in folders: PEFT saves an adapter that has a name in a folder of that name
/// (`out/birds/adapter_config.json`), and transformers' Trainer saves one for each checkpoint
/// (`run/checkpoint-500/`).
public enum AdapterFolder {
    /// The adapters that `directory` stands for: itself, or else the folders in it that are adapters.
    public static func adapters(in directory: String) -> [String] {
        if isAdapter(directory) { return [directory] }
        return (subfolders(of: directory) ?? []).map { join(directory, $0) }.filter(isAdapter)
    }

    /// The one adapter that `directory` stands for.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``: there is none, or more than one.
    public static func adapter(in directory: String) throws(ModelError) -> String {
        let found = adapters(in: directory)
        guard let first = found.first else { throw absent(directory) }
        guard found.count > 1 else { return first }
        let shown = found.prefix(6).joined(separator: ", ")
        let more = found.count > 6 ? " and \(found.count - 6) more" : ""
        throw .unreadable(
            path: directory,
            reason: "no adapter in \(directory); there is one in each of \(shown)\(more): name one of them")
    }

    /// Names of the folders in `directory`, links to folders included. Hidden ones are left out, which
    /// may be incomplete copies.
    ///
    /// - Returns: `nil` when the directory cannot be read.
    public static func subfolders(of directory: String) -> [String]? {
        let (names, failure) = DirectoryNames.read(directory)
        guard failure == nil else { return nil }
        return names.filter { !$0.hasPrefix(".") && kind(of: join(directory, $0)) == S_IFDIR }
    }

    /// Whether `directory` itself is an adapter.
    public static func isAdapter(_ directory: String) -> Bool {
        ConfigFile.exists(path: join(directory, Adapter.configName))
    }

    /// Whether `directory` has an adapter's weights, which are of no use without its configuration.
    public static func hasWeights(_ directory: String) -> Bool {
        [Adapter.weightsName, Adapter.pickleName].contains {
            ConfigFile.exists(path: join(directory, $0))
        }
    }

    /// Whether `directory` has a model's files.
    public static func isModel(_ directory: String) -> Bool {
        ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"].contains {
            ConfigFile.exists(path: join(directory, $0))
        }
    }

    private static func join(_ directory: String, _ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : directory + "/" + name
    }

    /// The kind of file at `path`; `nil` when there is none.
    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        return stat(path.systemPath, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    /// Why there is no adapter in `directory`.
    private static func absent(_ directory: String) -> ModelError {
        let config = join(directory, Adapter.configName)
        guard let found = kind(of: directory) else {
            let (code, reason) = (errno, systemError())
            return code == ENOENT
                ? .missingFile(path: config, remedy: "there is no directory \(directory)")
                : .unreadable(path: config, reason: reason)
        }
        guard found == S_IFDIR else {
            return .unreadable(
                path: directory, reason: "not a folder; name the folder that holds \(Adapter.configName)")
        }
        if let failure = DirectoryNames.read(directory).failure {
            return .unreadable(path: directory, reason: String(cString: strerror(failure)))
        }
        if isModel(directory) {
            return .unreadable(
                path: directory, reason: "a model, not an adapter: it has no \(Adapter.configName)")
        }
        if hasWeights(directory) {
            return .unreadable(
                path: config,
                reason:
                    "no such file, though the adapter's weights are there; PEFT's save_pretrained writes both"
            )
        }
        return .unreadable(
            path: directory,
            reason: "no adapter in \(directory), nor in a folder in it: there is no \(Adapter.configName)"
        )
    }
}
