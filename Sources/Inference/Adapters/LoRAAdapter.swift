/// A PEFT LoRA adapter: a directory with `adapter_config.json` and `adapter_model.safetensors`, with a
/// `config.json` when it has labels or dimensions of its own, and with a `preprocessor_config.json` when it
/// was trained with another front end.
///
/// Hu et al.: "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685): W' = W + s B A.
/// The adapter is read into memory and checked as far as possible without a base; ``BaseModel/adapted(by:)``
/// merges it.
///
/// SAFETY: nothing changes after `init`; the tensors' memory belongs to `file`.
public final class LoRAAdapter: @unchecked Sendable {
    public let directory: String
    /// The adapter's own `config.json`, which overrides the base's.
    let overlay: ConfigFields?
    /// The adapter's own front end; `nil` when it uses the base's.
    let ownFeatures: FeatureSettings?
    let config: AdapterConfig
    let file: SafetensorsFile
    /// Deltas by the module's canonical name.
    private(set) var deltas: [String: ModuleDelta] = [:]
    /// Tensors that replace the base's: name in the file by canonical name.
    private(set) var whole: [String: String] = [:]

    static let configName = "adapter_config.json"
    static let weightsName = "adapter_model.safetensors"
    private static let prefix = "base_model.model."

    /// Whether `directory` holds an adapter's configuration.
    public static func isAdapter(directory: String) -> Bool {
        ConfigFile.exists(path: directory + "/" + configName)
    }

    /// - Throws: ``ModelError``: unreadable, malformed, unsupported, a tensor that is not part of an adapter.
    public init(directory: String) throws(ModelError) {
        self.directory = directory
        config = try AdapterConfig(path: directory + "/" + Self.configName)
        file = try Self.weights(directory)
        let overlayPath = directory + "/config.json"
        overlay = try ConfigFile.ifPresent(path: overlayPath).map { file throws(ModelError) in
            try ConfigFields(file)
        }
        let featuresPath = directory + "/preprocessor_config.json"
        ownFeatures = ConfigFile.exists(path: featuresPath) ? try FeatureSettings(path: featuresPath) : nil
        for name in file.names.sorted() { try sort(name) }
        try checkPairs()
    }

    /// Computes the SHA-256 of the current files of the adapter in `directory`.
    ///
    /// - Throws: ``ModelError/unreadable(path:reason:)``.
    public static func digest(directory: String) throws(ModelError) -> String {
        var digest = Digest()
        for name in [configName, weightsName, "config.json", "preprocessor_config.json"] {
            let path = directory + "/" + name
            guard ConfigFile.exists(path: path) else { continue }
            digest.add(name + "\n")
            try digest.add(file: path)
        }
        return digest.hexadecimal()
    }

    var replacesHead: Bool { whole["classifier.dense.weight"] != nil }

    private static func weights(_ directory: String) throws(ModelError) -> SafetensorsFile {
        let path = directory + "/" + weightsName
        let pickle = directory + "/adapter_model.bin"
        if !ConfigFile.exists(path: path), ConfigFile.exists(path: pickle) {
            throw .unsupported(
                path: pickle, key: "the format", found: "a Python pickle",
                wanted: "safetensors (save it again with a PEFT from 0.7 on)")
        }
        return try SafetensorsFile(reading: path)
    }

    private func sort(_ name: String) throws(ModelError) {
        guard name.hasPrefix(Self.prefix) else { throw .unmatchedTensor(path: file.path, tensor: name) }
        // With `bias: all` PEFT's wrappers save a bias twice: before training (`original_module`) and
        // trained.
        if name.contains(".original_module.") { return }
        let isSaved = name.contains(".modules_to_save.default.")
        let inner = String(name.dropFirst(Self.prefix.count)).replacing(".base_layer.", with: ".")
            .replacing(".modules_to_save.default.", with: ".")
        for (suffix, place) in ModuleDelta.parts where inner.hasSuffix(suffix) {
            let module = String(inner.dropLast(suffix.count))
            let key = CheckpointNames.canonical(module)
            var delta = deltas[key] ?? ModuleDelta(module: module)
            guard delta[keyPath: place] == nil else { throw twice(key) }
            delta[keyPath: place] = name
            deltas[key] = delta
            return
        }
        let key = CheckpointNames.canonical(inner)
        if isSaved, whole[key] != nil { return }
        guard whole.updateValue(name, forKey: key) == nil else { throw twice(key) }
    }

    private func twice(_ key: String) -> ModelError {
        .malformed(
            path: file.path,
            problem: "contains the tensors of \(key) twice, perhaps under the names of transformers 4 and 5")
    }

    /// Checks that each delta is complete, and that its parts agree with the configuration.
    private func checkPairs() throws(ModelError) {
        for (module, delta) in deltas.sorted(by: { $0.key < $1.key }) {
            guard delta.a != nil, delta.b != nil else {
                let present = delta.a ?? delta.b ?? delta.magnitude ?? delta.bias ?? ""
                throw .malformed(
                    path: file.path,
                    problem: "contains only one of the two factors of \(module), or none: \(present)")
            }
            guard delta.bias == nil || config.hasBiasOfB else {
                throw .unsupported(
                    path: config.path, key: "lora_bias", found: "false",
                    wanted: "true: \(delta.module) has a lora_B.bias in \(Self.weightsName)")
            }
            guard (delta.magnitude != nil) == config.isWeightDecomposed else {
                throw .unsupported(
                    path: config.path, key: "use_dora", found: "\(config.isWeightDecomposed)",
                    wanted:
                        "\(!config.isWeightDecomposed): \(delta.module) has \(delta.magnitude == nil ? "no" : "a") "
                        + "lora_magnitude_vector in \(Self.weightsName)")
            }
        }
        guard !deltas.isEmpty || !whole.isEmpty else {
            throw .malformed(path: file.path, problem: "contains no tensor")
        }
    }
}
