/// An adapter as PEFT saves it: a directory with `adapter_config.json` and `adapter_model.safetensors`, with
/// a `config.json` when it has labels or dimensions of its own, and with a `preprocessor_config.json` when it
/// was trained with another front end. ``AdapterMethods`` lists the kinds.
///
/// The directory may also hold the adapter one folder deeper (``AdapterFolder``).
/// The adapter is read into memory and checked as far as possible without a base; ``BaseModel/adapted(by:)``
/// merges it.
///
/// SAFETY: nothing changes after `init`; the tensors' memory belongs to `file`.
public final class Adapter: @unchecked Sendable {
    /// Where its files are.
    public let directory: String
    /// The adapter's own `config.json`, which overrides the base's.
    let overlay: ConfigFields?
    /// The base's SHA-256 as the adapter states it, as often as it does.
    let baseDigests: [BaseDigest]
    /// The adapter's own front end; `nil` when it uses the base's.
    let ownFeatures: FeatureSettings?
    let config: AdapterConfig
    let file: SafetensorsFile
    /// The method's tensors by the module's canonical name.
    private(set) var modules: [String: ModuleTensors] = [:]
    /// Tensors that replace the base's: name in the file by canonical name.
    private(set) var whole: [String: String] = [:]
    /// The names of adapters in the tensors' names; PEFT leaves them out.
    private var adapterNames: Set<String> = []

    static let configName = "adapter_config.json"
    static let weightsName = "adapter_model.safetensors"
    static let pickleName = "adapter_model.bin"

    /// - Throws: ``ModelError``: no adapter or several, unreadable, malformed, unsupported, a tensor that is
    ///   not part of an adapter.
    public init(directory: String) throws(ModelError) {
        let directory = try AdapterFolder.adapter(in: directory)
        self.directory = directory
        let config = try AdapterConfig(path: directory + "/" + Self.configName)
        self.config = config
        file = try Self.weights(directory, Self.kind(of: config.method))
        let overlayFile = try ConfigFile.ifPresent(path: directory + "/config.json")
        overlay = try overlayFile.map { file throws(ModelError) in try ConfigFields(file) }
        let overlayDigests = try overlayFile?.baseDigests() ?? []
        baseDigests =
            config.baseDigests.map { BaseDigest(sha256: $0, path: config.path) }
            + overlayDigests.map { BaseDigest(sha256: $0, path: directory + "/config.json") }
            + BaseDigest.inCard(of: directory)
        let featuresPath = directory + "/preprocessor_config.json"
        ownFeatures = ConfigFile.exists(path: featuresPath) ? try FeatureSettings(path: featuresPath) : nil
        for name in file.names.sorted() { try sort(name) }
        try checkCompleteness()
    }

    /// Computes the SHA-256 of the current files of the adapter in `directory`.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``.
    public static func digest(directory: String) throws(ModelError) -> String {
        let directory = try AdapterFolder.adapter(in: directory)
        var digest = Digest()
        for name in [configName, weightsName, "config.json", "preprocessor_config.json"] {
            let path = directory + "/" + name
            guard ConfigFile.exists(path: path) else { continue }
            digest.add(name + "\n")
            try digest.add(file: path)
        }
        return digest.hexadecimal()
    }

    /// Modules whose tensors the method changes, by name; tensors that all modules share are not among them.
    var modulesInOrder: [ModuleTensors] {
        modules.values.filter { !$0.name.isEmpty }.sorted { $0.name < $1.name }
    }

    /// Tensors that all modules share.
    var shared: ModuleTensors? { modules[""] }

    var replacesHead: Bool { whole["classifier.dense.weight"] != nil }

    private static func weights(
        _ directory: String, _ kind: any AdapterMethod.Type
    ) throws(ModelError) -> SafetensorsFile {
        let path = directory + "/" + weightsName
        let pickle = directory + "/" + pickleName
        if !ConfigFile.exists(path: path), ConfigFile.exists(path: pickle) {
            throw .unsupported(
                path: pickle, key: "the format", found: "a Python pickle",
                wanted: "safetensors; convert it with tools/import_bin.py")
        }
        guard ConfigFile.exists(path: path) else {
            throw .missingFile(
                path: path, remedy: "download it too; \(configName) only describes the adapter")
        }
        return try SafetensorsFile(reading: path) { name in
            AdapterTensorName(name, kind)?.parameter.map(kind.integers.contains) ?? false
        }
    }

    private func sort(_ name: String) throws(ModelError) {
        guard let parts = AdapterTensorName(name, Self.kind(of: config.method)) else {
            throw .unmatchedTensor(path: file.path, tensor: name)
        }
        // With `bias: all` PEFT's wrappers save a bias twice: before training (`original_module`) and
        // trained.
        if parts.isTrainingOnly { return }
        if let adapter = parts.adapter { adapterNames.insert(adapter) }
        if let parameter = parts.parameter {
            let key = CheckpointNames.canonical(parts.path)
            let old = modules[key]?.names.updateValue(name, forKey: parameter)
            guard old == nil else { throw twice(key) }
            if modules[key] == nil {
                modules[key] = ModuleTensors(name: key, path: parts.path, names: [parameter: name])
            }
            return
        }
        let key = CheckpointNames.canonical(parts.path)
        if parts.isSaved, whole[key] != nil { return }
        guard whole.updateValue(name, forKey: key) == nil else { throw twice(key) }
    }

    private func twice(_ key: String) -> ModelError {
        .malformed(
            path: file.path,
            problem: "contains the tensors of \(key) twice, perhaps under the names of transformers 4 and 5")
    }

    private func checkCompleteness() throws(ModelError) {
        guard adapterNames.count <= 1 else {
            let names = adapterNames.sorted().joined(separator: ", ")
            throw .unsupported(
                path: file.path, key: "number of adapters", found: "\(adapterNames.count): \(names)",
                wanted: "1; save each of them with PEFT's save_pretrained")
        }
        try config.method.check(self)
        guard !modules.isEmpty || !whole.isEmpty else {
            throw .malformed(path: file.path, problem: "contains no tensor")
        }
    }

    private static func kind(of method: some AdapterMethod) -> any AdapterMethod.Type { type(of: method) }
}
