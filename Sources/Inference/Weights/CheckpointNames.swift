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

    private static let newerModules = [
        "attention.q_proj": "attention.attention.query",
        "attention.k_proj": "attention.attention.key",
        "attention.v_proj": "attention.attention.value",
        "attention.o_proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    ]

    /// The canonical name of a module or tensor.
    ///
    /// A name without the backbone's prefix belongs to a model without a head (transformers' `ASTModel`).
    static func canonical(_ name: String) -> String {
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

    /// Whether a module is part of an encoder layer.
    static func isInLayer(_ module: String) -> Bool { module.hasPrefix(layers) }

    /// The norm whose outputs a matrix reads; `nil` when it does not read a norm's.
    static func norm(before matrix: String) -> String? {
        let norms = [
            "attention.attention.query.weight": "layernorm_before",
            "attention.attention.key.weight": "layernorm_before",
            "attention.attention.value.weight": "layernorm_before",
            "intermediate.dense.weight": "layernorm_after",
        ]
        guard isInLayer(matrix), let norm = norms[withoutLayer(matrix)] else { return nil }
        return String(matrix.dropLast(withoutLayer(matrix).count)) + norm
    }

    static func layer(_ index: Int) -> String { layers + "\(index)." }
}
