/// LoRA: W' = W + s B A, with s = `lora_alpha` / r, or `lora_alpha` / sqrt(r) if rank-stabilised.
///
/// Hu et al.: "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685). DoRA (Liu
/// et al.: "DoRA: Weight-Decomposed Low-Rank Adaptation", 2024, arXiv:2402.09353): W' = m (W + s B A) /
/// |W + s B A|, row by row.
struct LoRA: AdapterMethod {
    static let peftType = "LORA"
    static let keys = AdapterConfigKeys(
        read: [
            "alpha_pattern", "init_lora_weights", "layer_replication", "lora_alpha", "lora_bias", "r",
            "rank_pattern", "use_dora", "use_rslora",
        ],
        neutral: [
            "corda_config", "enable_lora", "ensure_weight_tying", "eva_config", "loftq_config",
            "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "merge_weights",
            "monteclora_config", "qalora_group_size", "velora_config",
        ],
        unmergeable: [
            ("alora_invocation_tokens", "aLoRA acts on a part of the tokens"),
            ("arrow_config", "Arrow routes between several adapters"),
            ("kasa_config", "KaSA truncates the base and puts a diagonal between the factors"),
            ("target_parameters", "LoRA on bare parameters is not merged"),
            ("trainable_token_indices", "an AST has no vocabulary"),
            ("use_bdlora", "one factor is block-diagonal"),
            ("use_qalora", "A was trained on averaged inputs"),
        ])
    // Early versions of PEFT stored the magnitudes in a layer of their own.
    static let parameters: Set = [
        "lora_A.weight", "lora_B.weight", "lora_B.bias", "lora_magnitude_vector",
        "lora_magnitude_vector.weight",
    ]
    static func renamed(_ parameter: String) -> String {
        parameter == "lora_magnitude_vector.weight" ? "lora_magnitude_vector" : parameter
    }

    /// `lora_alpha`, before patterns.
    let alpha: Double
    let isRankStabilised: Bool
    /// Whether the factors come with magnitudes (DoRA).
    let isWeightDecomposed: Bool
    /// Whether B has a bias.
    private let hasBiasOfB: Bool
    private let alphaPattern: PatternTable<Double>
    private let rankPattern: PatternTable<Int>?
    private let r: Int?
    private let path: String

    var title: String {
        (isWeightDecomposed ? "DoRA" : "LoRA") + (isRankStabilised ? ", rank-stabilised" : "")
    }

    init(_ file: ConfigFile) throws(ModelError) {
        path = file.path
        alpha = try file.double("lora_alpha") ?? 8
        isRankStabilised = try file.bool("use_rslora") ?? false
        isWeightDecomposed = try file.bool("use_dora") ?? false
        hasBiasOfB = try file.bool("lora_bias") ?? false
        r = try file.integer("r")
        alphaPattern = try PatternTable(file, "alpha_pattern", "a number") { $0.finiteNumber }
        rankPattern = try PatternTable.ofRanks(file)
        try Self.refuseChangedBase(file)
        if isWeightDecomposed, hasBiasOfB {
            throw .unsupported(
                path: path, key: "lora_bias", found: "true",
                wanted: "false together with use_dora, as in PEFT")
        }
    }

    /// What was done to the base before or while the adapter was trained, and is not in its file.
    private static func refuseChangedBase(_ file: ConfigFile) throws(ModelError) {
        let layers = try file.read("layer_replication", "a list of ranges") { value in
            value.array { $0.array { $0.wholeNumber } }
        }
        if let layers, !layers.isEmpty {
            throw .unsupported(
                path: file.path, key: "layer_replication", found: "\(layers)",
                wanted: "none, because it adds layers to the base")
        }
        let method = try file.name("init_lora_weights", orFlag: "true, false or a method's name")
        if let method, !["gaussian", "eva", "orthogonal", "mica"].contains(method) {
            // These methods change the base weights too, and the adapter's file does not hold that
            // change.
            throw .unsupported(
                path: file.path, key: "init_lora_weights", found: method,
                wanted: "true, false, gaussian, eva, orthogonal, mica (convert the adapter with PEFT first)")
        }
    }

    /// What `B A` is multiplied with.
    ///
    /// - Parameter module: The module's path as the adapter's file names it, without PEFT's prefix.
    func scale(module: String, rank: Int) throws(ModelError) -> Float {
        let alpha = alphaPattern.value(for: module) ?? alpha
        let divisor = isRankStabilised ? Double(rank).squareRoot() : Double(rank)
        let scale = Float(alpha / divisor)
        guard scale.isFinite else {
            throw .unsupported(
                path: path, key: "lora_alpha of \(module)", found: "\(alpha)", wanted: "a number")
        }
        return scale
    }

    func check(_ adapter: Adapter) throws(ModelError) {
        for module in adapter.modulesInOrder {
            guard let a = module.names["lora_A.weight"], module.names["lora_B.weight"] != nil else {
                throw .malformed(
                    path: adapter.file.path,
                    problem:
                        "contains only one of the two factors of \(module.name), or none: \(module.example)")
            }
            try checkRank(module, a, adapter)
            guard module.names["lora_B.bias"] == nil || hasBiasOfB else {
                throw .unsupported(
                    path: path, key: "lora_bias", found: "false",
                    wanted: "true: \(module.path) has a lora_B.bias in \(Adapter.weightsName)")
            }
            let magnitude = module.names["lora_magnitude_vector"]
            guard (magnitude != nil) == isWeightDecomposed else {
                throw .unsupported(
                    path: path, key: "use_dora", found: "\(isWeightDecomposed)",
                    wanted:
                        "\(!isWeightDecomposed): \(module.path) has \(magnitude == nil ? "no" : "a") "
                        + "lora_magnitude_vector in \(Adapter.weightsName)")
            }
        }
    }

    /// PEFT does not load factors of another rank than the configuration states: alpha / r would be
    /// unknown.
    private func checkRank(_ module: ModuleTensors, _ a: String, _ adapter: Adapter) throws(ModelError) {
        guard let shape = adapter.file.shape(of: a), [2, 4].contains(shape.count), let rankPattern,
            let wanted = rankPattern.value(for: module.path) ?? r, wanted != shape[0]
        else { return }
        throw .unsupported(
            path: path, key: "r of \(module.path)", found: "\(wanted)",
            wanted: "\(shape[0]), the rank of \(a) \(shape) in \(Adapter.weightsName)")
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        let shapes = ["lora_A.weight", "lora_B.weight"].compactMap {
            module.names[$0].flatMap(adapter.file.shape(of:))
        }
        guard shapes.count == 2, let rank = shapes[0].first, rank > 0, shapes[1].count >= 2,
            shapes[1][1] == rank
        else {
            throw .malformed(
                path: adapter.file.path, problem: "the factors of \(module.path) have different ranks")
        }
        return ModuleSizes(rank: rank, scale: try scale(module: module.path, rank: rank))
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let shape = module.weight.shape
        let rank = try module.shape(of: "lora_A.weight").first ?? 0
        // A convolution's B is a convolution of side 1.
        let ones = Array(repeating: 1, count: shape.count - 2)
        let a = try module.tensor("lora_A.weight", [max(1, rank)] + shape.dropFirst())
        return LoRAChange(
            inputs: module.inputs, a: a,
            b: try module.tensor("lora_B.weight", [shape[0], rank] + ones),
            magnitude: try module.tensorIfPresent(
                "lora_magnitude_vector", shape.count == 2 ? [shape[0]] : [1, shape[0], 1, 1]),
            bias: try module.tensorIfPresent("lora_B.bias", [shape[0]]),
            scale: try scale(module: module.path, rank: rank))
    }
}

extension PatternTable<Int> {
    /// `rank_pattern`; `nil` when a key is not a supported expression: the tensors state the ranks,
    /// too.
    static func ofRanks(_ file: ConfigFile) throws(ModelError) -> PatternTable<Int>? {
        _ = try file.members("rank_pattern", "a whole number") { $0.wholeNumber }
        return try? PatternTable(file, "rank_pattern", "a whole number") { $0.wholeNumber }
    }
}

private struct LoRAChange: WeightChange {
    let inputs: Int
    let a: Tensor
    let b: Tensor
    /// DoRA's row lengths.
    let magnitude: Tensor?
    /// What is added to the module's bias, before scaling.
    let bias: Tensor?
    let scale: Float

    var rank: Int? { a.rows }

    func rowMerge() -> RowMerge {
        let rank = a.rows
        return { rows, block in
            SGEMM.multiply(
                rows: rows.count, columns: inputs, inner: rank, alpha: scale,
                b.pointer + rows.lowerBound * rank, stride: rank, a.pointer, stride: inputs,
                beta: 1, block, stride: inputs)
            if let magnitude { normalise(block, rows: rows, to: magnitude.pointer) }
        }
    }

    /// DoRA: scales each row to the length given by its magnitude.
    private func normalise(
        _ block: UnsafeMutablePointer<Float>, rows: Range<Int>, to magnitudes: UnsafePointer<Float>
    ) {
        for row in rows {
            let values = block + (row - rows.lowerBound) * inputs
            var squares = 0.0
            for index in 0..<inputs { squares += Double(values[index]) * Double(values[index]) }
            let factor = magnitudes[row] / Float(squares.squareRoot())
            for index in 0..<inputs { values[index] *= factor }
        }
    }

    /// b' = b + s bias(B); a module without a bias gets one.
    func bias(_ base: Tensor?) -> [Float]? {
        guard let bias else { return nil }
        return (0..<bias.count).map { (base?.pointer[$0] ?? 0) + scale * bias.pointer[$0] }
    }
}
