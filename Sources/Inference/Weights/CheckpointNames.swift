/// Two generations of names for the same modules.
///
/// transformers up to 4 (and every saved base model) says `encoder.layer.N.attention.attention.query`;
/// transformers 5 says `layers.N.attention.q_proj` in memory, and so do the adapters that it trains. Inside
/// astd a module has its older name, the one that is on disk nearly everywhere.
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

    /// The older name of a module or tensor called `name` in either generation.
    ///
    /// A name without the backbone's is one of a model that is nothing but the backbone (transformers' `ASTModel`).
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

    /// `attention.attention.query` for a module of any layer; other modules without the backbone's name.
    static func withoutLayer(_ name: String) -> String {
        guard name.hasPrefix(layers) else {
            return name.hasPrefix(backbone) ? String(name.dropFirst(backbone.count)) : name
        }
        return String(name.dropFirst(layers.count).drop { $0 != "." }.dropFirst())
    }

    /// Whether a module is part of an encoder layer.
    static func isInLayer(_ module: String) -> Bool { module.hasPrefix(layers) }

    /// The norm whose outputs a matrix reads; `nil` for a matrix that reads something else.
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
