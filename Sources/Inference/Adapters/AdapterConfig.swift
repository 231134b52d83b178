internal import TextSupport

/// `adapter_config.json` of PEFT: what the LoRA factors mean.
struct AdapterConfig {
    /// In the file's order: the first that matches counts.
    private let alphaPattern: [(pattern: ModulePattern, alpha: Double)]
    /// In the file's order; `nil` when a key is not a supported expression.
    private let rankPattern: [(pattern: ModulePattern, rank: Int)]?
    let path: String

    private let fields: Fields

    private struct Fields {
        var peftType: String?
        var loraAlpha: Double?
        var useRslora: Bool?
        var useDora: Bool?
        var loraBias: Bool?
        var rank: Int?
        var baseModelNameOrPath: String?
        var revision: String?
        /// Of the base's weights, in the file's order.
        var baseDigests: [String]
        var peftVersion: String?
        var bias: String?
        /// A method's name; `nil` for `true` and `false`.
        var initialisation: String?
        /// In the file's order.
        var alphaPattern: [(name: String, value: Double)]
        var rankPattern: [(name: String, value: Int)]
        var layerReplication: [[Int]]?
        var modulesToSave: [String]?
        /// The first of ``AdapterConfigKeys/unmergeable`` that is set, with its value.
        var unmergeable: (key: String, found: String, reason: String)?

        init(_ file: ConfigFile) throws(ModelError) {
            peftType = try file.string("peft_type")
            loraAlpha = try file.double("lora_alpha")
            useRslora = try file.bool("use_rslora")
            useDora = try file.bool("use_dora")
            loraBias = try file.bool("lora_bias")
            rank = try file.integer("r")
            baseModelNameOrPath = try file.string("base_model_name_or_path")
            revision = try file.string("revision")
            baseDigests = try file.baseDigests()
            peftVersion = try file.string("peft_version")
            bias = try file.string("bias")
            initialisation = try file.read("init_lora_weights", "true, false or a method's name") { value in
                if case .bool = value { String?.none } else { value.stringValue }
            }.flatMap { $0 }
            alphaPattern = try file.members("alpha_pattern", "a number") { $0.finiteNumber } ?? []
            rankPattern = try file.members("rank_pattern", "a whole number") { $0.wholeNumber } ?? []
            layerReplication = try file.read("layer_replication", "a list of ranges") { value in
                value.array { $0.array { $0.wholeNumber } }
            }
            modulesToSave = try file.read("modules_to_save", "a name, or a list of names") { value in
                value.stringValue.map { [$0] } ?? value.array { $0.stringValue }
            }
            for (key, reason) in AdapterConfigKeys.unmergeable {
                guard let value = file.value(key), Self.isSet(value) else { continue }
                unmergeable = (key, JSONError.shortened(value.text), reason)
                break
            }
        }

        /// Every value but `false` and an empty list.
        private static func isSet(_ value: JSONValue) -> Bool {
            switch value {
            case .bool(let flag): flag
            case .array(let values): !values.isEmpty
            default: true
            }
        }
    }

    /// - Throws: ``ModelError``: unreadable, malformed, or unsupported with the key that astd does not merge.
    init(path: String) throws(ModelError) {
        self.path = path
        let file = try ConfigFile(path: path)
        fields = try Fields(file)
        var patterns: [(ModulePattern, Double)] = []
        for (key, alpha) in fields.alphaPattern {
            guard let pattern = ModulePattern(key) else {
                throw .unsupported(
                    path: path, key: "alpha_pattern", found: String(key.prefix(80)),
                    wanted: "names or regular expressions of at most \(ModulePattern.maximumSteps) steps, "
                        + "without look-around and back references")
            }
            patterns.append((pattern, alpha))
        }
        alphaPattern = patterns
        let ranks: [(pattern: ModulePattern, rank: Int)] = fields.rankPattern.compactMap { name, rank in
            ModulePattern(name).map { (pattern: $0, rank: rank) }
        }
        rankPattern = ranks.count == fields.rankPattern.count ? ranks : nil
        try refuseWhatIsNotMerged()
        try AdapterConfigKeys.check(file)
    }

    /// Whether the factors come with magnitudes (DoRA).
    var isWeightDecomposed: Bool { fields.useDora ?? false }
    /// Whether B has a bias.
    var hasBiasOfB: Bool { fields.loraBias ?? false }
    /// Modules that the file holds whole, by their names' ends.
    var modulesToSave: [String] { fields.modulesToSave ?? [] }
    var isRankStabilised: Bool { fields.useRslora ?? false }
    var baseName: String? { fields.baseModelNameOrPath }
    /// Revision of the base on the Hugging Face hub.
    var baseRevision: String? { fields.revision }
    /// SHA-256 of the base's weights that the file states.
    var baseDigests: [String] { fields.baseDigests }
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

    /// The rank that the file states for a module; `nil` when it states none.
    func rank(module: String) -> Int? {
        guard let rankPattern else { return nil }
        return rankPattern.first { $0.pattern.matches(module) }?.rank ?? fields.rank
    }

    private func refuseWhatIsNotMerged() throws(ModelError) {
        func refuse(_ key: String, _ found: String, _ wanted: String) -> ModelError {
            .unsupported(path: path, key: key, found: found, wanted: wanted)
        }
        if fields.peftType != "LORA" { throw refuse("peft_type", fields.peftType ?? "absent", "LORA") }
        if fields.useDora == true, fields.loraBias == true {
            throw refuse("lora_bias", "true", "false together with use_dora, as in PEFT")
        }
        if let (key, found, reason) = fields.unmergeable {
            throw refuse(key, found, "null or false, because with it the network is not W + s B A: \(reason)")
        }
        if let bias = fields.bias, !["none", "all", "lora_only"].contains(bias) {
            throw refuse("bias", bias, "none, all, lora_only")
        }
        if let layers = fields.layerReplication, !layers.isEmpty {
            throw refuse("layer_replication", "\(layers)", "none, because it adds layers to the base")
        }
        if let method = fields.initialisation,
            !["gaussian", "eva", "orthogonal", "mica"].contains(method)
        {
            // These methods change the base weights too, and the adapter's file does not hold that change.
            throw refuse(
                "init_lora_weights", method,
                "true, false, gaussian, eva, orthogonal, mica (convert the adapter with PEFT first)")
        }
    }
}
