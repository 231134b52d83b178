/// `adapter_config.json` of PEFT: what the LoRA factors mean.
struct AdapterConfig {
    private let fields: Fields
    /// In the file's order: the first that matches counts.
    private let alphaPattern: [(pattern: ModulePattern, alpha: Double)]
    let path: String

    private struct Fields: Decodable {
        var peftType: String?
        var loraAlpha: Double?
        var useRslora: Bool?
        var useDora: Bool?
        var loraBias: Bool?
        var useQalora: Bool?
        var baseModelNameOrPath: String?
        var peftVersion: String?
        var bias: String?
        var initLoraWeights: Initialisation?
        var alphaPattern: [String: Double]?
        var layerReplication: [[Int]]?
        var modulesToSave: Names?
        var aloraInvocationTokens: Something?
        var kasaConfig: Something?
        var useBdlora: Something?
        var arrowConfig: Something?
        var targetParameters: Something?
        var trainableTokenIndices: Something?

        enum CodingKeys: String, CodingKey {
            case peftType = "peft_type"
            case loraAlpha = "lora_alpha"
            case useRslora = "use_rslora"
            case useDora = "use_dora"
            case loraBias = "lora_bias"
            case useQalora = "use_qalora"
            case baseModelNameOrPath = "base_model_name_or_path"
            case peftVersion = "peft_version"
            case bias
            case initLoraWeights = "init_lora_weights"
            case alphaPattern = "alpha_pattern"
            case layerReplication = "layer_replication"
            case modulesToSave = "modules_to_save"
            case aloraInvocationTokens = "alora_invocation_tokens"
            case kasaConfig = "kasa_config"
            case useBdlora = "use_bdlora"
            case arrowConfig = "arrow_config"
            case targetParameters = "target_parameters"
            case trainableTokenIndices = "trainable_token_indices"
        }
    }

    /// A list of names, or one name.
    private struct Names: Decodable {
        let list: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let name = try? container.decode(String.self) {
                list = [name]
            } else {
                list = try container.decode([String].self)
            }
        }
    }

    /// Anything at all; `false` and an empty list are nothing.
    private struct Something: Decodable {
        let isThere: Bool

        init(from decoder: any Decoder) throws {
            if let flag = try? decoder.singleValueContainer().decode(Bool.self) {
                isThere = flag
            } else if let list = try? decoder.unkeyedContainer() {
                isThere = list.count != 0
            } else {
                isThere = true
            }
        }
    }

    /// `true`, `false`, or a method's name.
    private enum Initialisation: Decodable {
        case standard(Bool)
        case method(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                self = .standard(flag)
            } else {
                self = .method(try container.decode(String.self))
            }
        }
    }

    /// - Throws: ``ModelError``: unreadable, malformed, or unsupported with the key that astd does not merge.
    init(path: String) throws(ModelError) {
        self.path = path
        fields = try ConfigFile.decode(Fields.self, path: path)
        let values = fields.alphaPattern ?? [:]
        var patterns: [(ModulePattern, Double)] = []
        for key in try Self.keysInOrder(of: "alpha_pattern", path: path) {
            guard let alpha = values[key] else { continue }
            guard let pattern = ModulePattern(key) else {
                throw .unsupported(
                    path: path, key: "alpha_pattern", found: String(key.prefix(80)),
                    wanted: "names or regular expressions of at most \(ModulePattern.maximumSteps) steps, "
                        + "without look-around and back references")
            }
            patterns.append((pattern, alpha))
        }
        alphaPattern = patterns
        try refuseWhatIsNotMerged()
    }

    /// Whether the factors come with magnitudes (DoRA).
    var isWeightDecomposed: Bool { fields.useDora ?? false }
    /// Whether B has a bias.
    var hasBiasOfB: Bool { fields.loraBias ?? false }
    /// Modules that the file holds whole, by their names' ends.
    var modulesToSave: [String] { fields.modulesToSave?.list ?? [] }
    var isRankStabilised: Bool { fields.useRslora ?? false }
    var baseName: String? { fields.baseModelNameOrPath }
    /// Version of PEFT.
    var writtenBy: String? { fields.peftVersion }
    var alpha: Double { fields.loraAlpha ?? 8 }

    /// What `B A` is multiplied with: alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA.
    ///
    /// - Parameter module: The module's path as the adapter's file names it, without PEFT's prefix.
    func scale(module: String, rank: Int) throws(ModelError) -> Float {
        let alpha = alphaPattern.first { $0.pattern.matches(module) }?.alpha ?? alpha
        let divisor = isRankStabilised ? Double(rank).squareRoot() : Double(rank)
        let scale = Float(alpha / divisor)
        guard scale.isFinite else {
            throw .unsupported(
                path: path, key: "lora_alpha of \(module)", found: "\(alpha)", wanted: "a number")
        }
        return scale
    }

    private func refuseWhatIsNotMerged() throws(ModelError) {
        func refuse(_ key: String, _ found: String, _ wanted: String) -> ModelError {
            .unsupported(path: path, key: key, found: found, wanted: wanted)
        }
        if fields.peftType != "LORA" { throw refuse("peft_type", fields.peftType ?? "absent", "LORA") }
        if fields.useDora == true, fields.loraBias == true {
            throw refuse("lora_bias", "true", "false together with use_dora, as in PEFT")
        }
        if fields.useQalora == true { throw refuse("use_qalora", "true", "false") }
        // Each makes the numbers depend on something that W + s B A is not.
        let others: [(Fields.CodingKeys, Something?)] = [
            (.aloraInvocationTokens, fields.aloraInvocationTokens), (.kasaConfig, fields.kasaConfig),
            (.useBdlora, fields.useBdlora), (.arrowConfig, fields.arrowConfig),
            (.targetParameters, fields.targetParameters),
            (.trainableTokenIndices, fields.trainableTokenIndices),
        ]
        for (key, value) in others where value?.isThere == true {
            throw refuse(key.rawValue, "set", "nothing")
        }
        if let bias = fields.bias, !["none", "all", "lora_only"].contains(bias) {
            throw refuse("bias", bias, "none, all, lora_only")
        }
        if let layers = fields.layerReplication, !layers.isEmpty {
            throw refuse("layer_replication", "\(layers)", "none")
        }
        if case .method(let method) = fields.initLoraWeights,
            !["gaussian", "eva", "orthogonal", "mica"].contains(method)
        {
            // These subtract something from the base that the adapter's file does not hold.
            throw refuse(
                "init_lora_weights", method,
                "true, false, gaussian, eva, orthogonal, mica (convert the adapter with PEFT first)")
        }
    }

    /// A general decoder forgets the order of an object's keys, and the order decides between patterns.
    private static func keysInOrder(of wanted: String, path: String) throws(ModelError) -> [String] {
        var keys: [String] = []
        try ConfigFile.scan(try ConfigFile.bytes(path: path), path: path) { scanner throws(ModelError) in
            try scanner.object { key, scanner throws(ModelError) in
                guard key == wanted, scanner.isAtObject() else { return try scanner.skipValue() }
                try scanner.object { key, scanner throws(ModelError) in
                    keys.append(key)
                    try scanner.skipValue()
                }
            }
        }
        return keys
    }
}
