private import Glibc
private import SystemSupport

/// The files of a model's directory, found by their names.
struct ModelDirectory {
    let path: String

    static let configName = "config.json"
    static let featuresName = "preprocessor_config.json"
    static let weightsName = "model.safetensors"
    static let indexName = "model.safetensors.index.json"

    /// - Throws: ``ModelError`` when there is no such directory.
    init(_ path: String) throws(ModelError) {
        self.path = path
        var status = stat()
        guard stat(path.systemPath, &status) == 0 else {
            throw errno == ENOENT
                ? .missingFile(path: path + "/" + Self.configName, remedy: "there is no directory \(path)")
                : .unreadable(path: path, reason: systemError())
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .foreign(
                path: path, found: "a file", wanted: "a model's directory",
                remedy: "name the directory that holds it, with \(Self.configName)")
        }
    }

    func file(_ name: String) -> String { path + "/" + name }

    /// Whether there is such a file, also one that cannot be read: opening it gives the reason.
    func has(_ name: String) -> Bool { access(file(name).systemPath, F_OK) == 0 || errno == EACCES }

    /// The path of a configuration file.
    ///
    /// - Throws: ``ModelError/missingFile(path:remedy:)`` when it is not there.
    func config(_ name: String) throws(ModelError) -> String {
        guard !has(name) else { return file(name) }
        throw .missingFile(
            path: file(name), remedy: name == Self.featuresName ? featuresRemedy : remedy(for: name))
    }

    /// The path of the safetensors file, or of the index of its shards. As in transformers, the file
    /// counts where both are there.
    ///
    /// - Throws: ``ModelError/missingFile(path:remedy:)`` when neither is there.
    func weights() throws(ModelError) -> String {
        for name in [Self.weightsName, Self.indexName] where has(name) { return file(name) }
        throw .missingFile(path: file(Self.weightsName), remedy: remedy(for: Self.weightsName))
    }

    private var featuresRemedy: String {
        if has("processor_config.json") {
            return "save the feature_extractor of processor_config.json under this name, or take the base's"
        }
        // `_name_or_path` is the model from which the training started.
        let base = (try? ConfigFile(path: file(Self.configName)).string("_name_or_path")) ?? ""
        let name = base.isEmpty ? "the model that this one was trained from" : base
        return "take the base's, from \(name); it has the mean and the deviation of the features"
    }

    /// What to do about a missing file, by what else the directory holds.
    private func remedy(for name: String) -> String {
        let names = names()
        func first(_ isWanted: (String) -> Bool) -> String? { names.first(where: isWanted) }
        if names.contains(name) { return "it is a link to a file that is not there: download that file" }
        if names.contains(Adapter.configName) {
            return "\(path) is an adapter: name it with --adapter, and its base with --model"
        }
        if let inner = innerModel(names) {
            return "there is a model in \(path)/\(inner): name that directory"
        }
        if name == Self.configName {
            if let original = first(Self.isTorchFile) { return original + Self.importers(path, original) }
            return first { $0.hasSuffix(".safetensors") } == nil
                ? "a model's directory has \(Self.configName), \(Self.featuresName) and \(Self.weightsName), "
                    + "as save_pretrained of transformers writes them"
                : "download it too; it describes the network"
        }
        if let found = first({ $0.hasPrefix("model-") && $0.contains("-of-") && $0.hasSuffix(".safetensors") }
        ) {
            return "\(found) is a shard: download \(Self.indexName), which names all shards"
        }
        if let found = first({
            $0.hasPrefix("pytorch_model") && ($0.hasSuffix(".bin") || $0.hasSuffix(".json"))
        }) {
            return "\(found) is there, a Python pickle: convert it with tools/import_bin.py \(path)"
        }
        if let found = first({ $0.hasPrefix("model.safetensors.index.") || Self.isVariant($0) }) {
            return "\(found) is a variant of it, which astd does not look for: rename it to "
                + (found.hasSuffix(".json") ? Self.indexName : Self.weightsName)
        }
        if let found = first({ $0.hasSuffix(".safetensors") }) {
            return "\(found) is there: rename it to \(Self.weightsName) if it is the weights"
        }
        if let found = first({
            $0.hasPrefix(name) || [".part", ".incomplete", ".crdownload"].contains(where: $0.hasSuffix)
        }) {
            return "\(found) looks like an unfinished download: finish it"
        }
        if let found = first(Self.isTorchFile) { return found + Self.importers(path, found) }
        if let found = first({ name in
            [".h5", ".msgpack", ".onnx", ".gguf", ".tflite"].contains(where: name.hasSuffix)
        }) {
            return "\(found) is of another framework: save the model with save_pretrained of transformers"
        }
        return "download it, or save the model with save_pretrained of transformers"
    }

    private static func isTorchFile(_ name: String) -> Bool {
        [".pth", ".pt", ".ckpt", ".bin", ".pkl"].contains(where: name.hasSuffix)
            && name != "training_args.bin"
            && !["optimizer.", "scheduler.", "rng_state", "scaler."].contains(where: name.hasPrefix)
    }

    /// `model.fp16.safetensors`, which transformers reads with `variant="fp16"`.
    private static func isVariant(_ name: String) -> Bool {
        name.hasPrefix("model.") && name.hasSuffix(".safetensors")
    }

    private static func importers(_ path: String, _ name: String) -> String {
        " is a Python pickle: convert it with tools/import_ast_pth.py if it is the original AST's, "
            + "with tools/import_bin.py if it is a model of transformers"
    }

    /// The name of a directory below this one that holds a model, such as `checkpoint-500`; the last
    /// where there are several.
    private func innerModel(_ names: [String]) -> String? {
        func isModel(_ name: String) -> Bool {
            ConfigFile.exists(path: file(name) + "/" + Self.configName)
                && [Self.weightsName, Self.indexName, "pytorch_model.bin"].contains {
                    ConfigFile.exists(path: file(name) + "/" + $0)
                }
        }
        if let found = names.filter(isModel).max(by: { ($0.count, $0) < ($1.count, $1) }) { return found }
        // The cache of a hub: snapshots/COMMIT.
        guard names.contains("snapshots"), let cache = try? ModelDirectory(file("snapshots")) else {
            return nil
        }
        return cache.names().first { ConfigFile.exists(path: cache.file($0) + "/" + Self.configName) }
            .map { "snapshots/" + $0 }
    }

    /// The names in the directory, sorted.
    private func names() -> [String] { DirectoryNames.read(path).names }
}
