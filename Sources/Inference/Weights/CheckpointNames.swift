/// The names of modules in transformers 4 and 5.
///
/// transformers 4, and every saved base model, uses `encoder.layer.N.attention.attention.query`; transformers
/// 5 uses `layers.N.attention.q_proj` in memory and in the adapters that it trains. The canonical name in
/// astd is the older one, which nearly all files use.
enum CheckpointNames {
    static let backbone = "audio_spectrogram_transformer."
    private static let newerLayers = backbone + "layers."
    private static let layers = backbone + "encoder.layer."

    private static let bareParts = ["encoder.layer.", "layers.", "embeddings.", "layernorm."]

    /// Whether a name begins as one of an AST's modules, in either dialect, with or without a head.
    static func isInAST(_ name: String) -> Bool {
        name.hasPrefix(backbone) || name.hasPrefix("classifier.") || bareParts.contains(where: name.hasPrefix)
    }

    private static let newerModules = [
        "attention.q_proj": "attention.attention.query",
        "attention.k_proj": "attention.attention.key",
        "attention.v_proj": "attention.attention.value",
        "attention.o_proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    ]

    /// Names that wrappers put before or between those of modules: torch.compile's `_orig_mod`, and
    /// `module` of DataParallel and DistributedDataParallel. No module of an AST has them.
    static let wrappers: Set<Substring> = ["_orig_mod", "module"]

    /// Whether a name has the prefix of a wrapper.
    static func isWrapped(_ name: String) -> Bool {
        name.split(separator: ".").contains(where: wrappers.contains)
    }

    /// The canonical name of a module or tensor.
    ///
    /// The prefixes of ``wrappers`` are left out. A name without the backbone's prefix belongs to a model
    /// without a head (transformers' `ASTModel`).
    static func canonical(_ name: String) -> String {
        if isWrapped(name) {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            return canonical(parts.filter { !wrappers.contains($0) }.joined(separator: "."))
        }
        if bareParts.contains(where: name.hasPrefix) { return canonical(backbone + name) }
        guard name.hasPrefix(newerLayers) else { return name }
        let rest = name.dropFirst(newerLayers.count)
        guard let dot = rest.firstIndex(of: ".") else { return name }
        var module = String(rest[rest.index(after: dot)...])
        for (newer, older) in newerModules where module == newer || module.hasPrefix(newer + ".") {
            module = older + module.dropFirst(newer.count)
            break
        }
        return layers + rest[..<dot] + "." + module
    }

    /// The name within its layer, such as `attention.attention.query`; for other modules, the name without
    /// the backbone's prefix.
    static func withoutLayer(_ name: String) -> String {
        guard name.hasPrefix(layers) else {
            return name.hasPrefix(backbone) ? String(name.dropFirst(backbone.count)) : name
        }
        return String(name.dropFirst(layers.count).drop { $0 != "." }.dropFirst())
    }

    /// The number of the layer that a tensor belongs to.
    static func layerIndex(_ name: String) -> Int? {
        name.hasPrefix(layers) ? Int(name.dropFirst(layers.count).prefix { $0 != "." }) : nil
    }

    /// Whether a tensor is the bias of queries, keys or values, which `qkv_bias` of config.json is about.
    static func isQueryKeyValueBias(_ name: String) -> Bool {
        let part = withoutLayer(name)
        return isInLayer(name)
            && ["query", "key", "value"].contains { part == "attention.attention.\($0).bias" }
    }

    /// What stands before the names of an AST in these names, such as `student.`; `nil` when nothing does, or
    /// when they are not an AST's.
    static func foreignPrefix(of names: some Sequence<String>) -> String? {
        for name in names {
            for end in [
                "embeddings.cls_token", "encoder.layer.0.layernorm_before.weight", "classifier.dense.weight",
            ]
            where name.hasSuffix(end) {
                let prefix = String(name.dropLast(end.count))
                let bare = prefix.hasSuffix(backbone) ? String(prefix.dropLast(backbone.count)) : prefix
                if !bare.isEmpty { return bare }
            }
        }
        return nil
    }

    /// Whether these are names of the original AST (YuanGongND/ast), which follow timm's.
    static func areOriginal(_ names: some Sequence<String>) -> Bool {
        names.contains { $0.hasSuffix("v.blocks.0.attn.qkv.weight") || $0.hasSuffix("mlp_head.1.weight") }
    }

    /// Whether a module is part of an encoder layer.
    static func isInLayer(_ module: String) -> Bool { module.hasPrefix(layers) }

    /// The linear or normalising module whose outputs a module reads, directly or averaged by attention;
    /// `nil` when there is none.
    static func producer(before module: String) -> String? {
        let producers = [
            "attention.attention.query": "layernorm_before",
            "attention.attention.key": "layernorm_before",
            "attention.attention.value": "layernorm_before",
            "attention.output.dense": "attention.attention.value",
            "intermediate.dense": "layernorm_after",
        ]
        let part = withoutLayer(module)
        guard isInLayer(module), let producer = producers[part] else { return nil }
        return String(module.dropLast(part.count)) + producer
    }

    static func layer(_ index: Int) -> String { layers + "\(index)." }
}
