private import _StringProcessing

/// `adapter_config.json` of PEFT: what the LoRA factors mean.
struct AdapterConfig {
    private let fields: Fields
    /// In the file's order: the first that matches counts.
    private let alphaPattern: [(key: String, alpha: Double)]
    private let path: String

    private struct Fields: Decodable {
        var peftType: String?
        var loraAlpha: Double?
        var useRslora: Bool?
        var useDora: Bool?
        var loraBias: Bool?
        var useQalora: Bool?
        var fanInFanOut: Bool?
        var bias: String?
        var initLoraWeights: Initialisation?
        var alphaPattern: [String: Double]?
        var layerReplication: [[Int]]?

        enum CodingKeys: String, CodingKey {
            case peftType = "peft_type"
            case loraAlpha = "lora_alpha"
            case useRslora = "use_rslora"
            case useDora = "use_dora"
            case loraBias = "lora_bias"
            case useQalora = "use_qalora"
            case fanInFanOut = "fan_in_fan_out"
            case bias
            case initLoraWeights = "init_lora_weights"
            case alphaPattern = "alpha_pattern"
            case layerReplication = "layer_replication"
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
        alphaPattern = try Self.keysInOrder(of: "alpha_pattern", path: path)
            .compactMap { key in values[key].map { (key, $0) } }
        try refuseWhatIsNotMerged()
    }

    /// What `B A` is multiplied with: alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA.
    ///
    /// - Parameter module: The module's path as the adapter's file names it, without PEFT's prefix.
    func scale(module: String, rank: Int) throws(ModelError) -> Float {
        var alpha = fields.loraAlpha ?? 8
        for (key, value) in alphaPattern where try matches(key, module) {
            alpha = value
            break
        }
        let divisor = fields.useRslora == true ? Double(rank).squareRoot() : Double(rank)
        return Float(alpha / divisor)
    }

    /// PEFT's rule: the key, a regular expression, is the whole path or its end after a dot.
    private func matches(_ key: String, _ module: String) throws(ModelError) -> Bool {
        do {
            return try Regex("(.*\\.)?(" + key + ")").wholeMatch(in: module) != nil
        } catch {
            throw .unsupported(
                path: path, key: "alpha_pattern", found: key, wanted: "names or regular expressions")
        }
    }

    private func refuseWhatIsNotMerged() throws(ModelError) {
        func refuse(_ key: String, _ found: String, _ wanted: String) -> ModelError {
            .unsupported(path: path, key: key, found: found, wanted: wanted)
        }
        if fields.peftType != "LORA" { throw refuse("peft_type", fields.peftType ?? "absent", "LORA") }
        if fields.useDora == true { throw refuse("use_dora", "true", "false") }
        if fields.loraBias == true { throw refuse("lora_bias", "true", "false") }
        if fields.useQalora == true { throw refuse("use_qalora", "true", "false") }
        if fields.fanInFanOut == true { throw refuse("fan_in_fan_out", "true", "false") }
        if let bias = fields.bias, bias != "none" { throw refuse("bias", bias, "none") }
        if let layers = fields.layerReplication, !layers.isEmpty {
            throw refuse("layer_replication", "\(layers)", "none")
        }
        if case .method(let method) = fields.initLoraWeights,
            !["gaussian", "eva", "orthogonal"].contains(method)
        {
            // These subtract something from the base that the adapter's file does not hold.
            throw refuse(
                "init_lora_weights", method,
                "true, false, gaussian, eva, orthogonal (convert the adapter with PEFT first)")
        }
    }

    /// A general decoder forgets the order of an object's keys, and the order decides between patterns.
    private static func keysInOrder(of wanted: String, path: String) throws(ModelError) -> [String] {
        let contents = try ConfigFile.bytes(path: path)
        var keys: [String] = []
        var failure: ModelError?
        contents.withUnsafeBytes { buffer in
            var scanner = JSONScanner(buffer, path: path)
            do throws(ModelError) {
                try scanner.object { key, scanner throws(ModelError) in
                    guard key == wanted, scanner.isAtObject() else { return try scanner.skipValue() }
                    try scanner.object { key, scanner throws(ModelError) in
                        keys.append(key)
                        try scanner.skipValue()
                    }
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return keys
    }
}
