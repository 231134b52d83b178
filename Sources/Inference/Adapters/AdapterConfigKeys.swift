internal import TextSupport

/// The keys of `adapter_config.json` that a kind of adapter knows: those of PEFT 0.21, and of older versions.
struct AdapterConfigKeys {
    /// Keys that are read.
    var read: Set<String> = []
    /// Keys that do not change what the saved tensors compute, whatever their values: they select modules
    /// (the tensors' names do, too), or matter in training or for other networks only.
    var neutral: Set<String> = []
    /// Keys with which the network cannot be merged, and why.
    var unmergeable: [(key: String, reason: String)] = []

    /// Keys of every kind.
    static let common = AdapterConfigKeys(
        read: [
            "base_model_name_or_path", "bias", "modules_to_save", "peft_type", "peft_version", "revision",
        ],
        neutral: [
            "auto_mapping", "exclude_modules", "fan_in_fan_out", "inference_mode", "layers_pattern",
            "layers_to_transform", "runtime_config", "target_modules", "task_type",
        ])

    /// Whether a key states the SHA-256 of the base's weights, such as `base_model_sha256`.
    static func isBaseDigest(_ key: String) -> Bool {
        let key = key.lowercased()
        return key.contains("base") && key.contains("sha256")
    }

    /// Rejects keys that this version does not know, unless they are `null` or `false`: one of them may
    /// change what the adapter computes, as `use_rslora` did when it was new.
    func check(_ file: ConfigFile, peftType: String) throws(ModelError) {
        for (key, reason) in unmergeable {
            guard let value = file.value(key), Self.isSet(value) else { continue }
            throw .unsupported(
                path: file.path, key: key, found: JSONError.shortened(value.text),
                wanted: "null or false: \(reason)")
        }
        let common = Self.common
        let known = common.read.union(common.neutral).union(read).union(neutral)
            .union(unmergeable.map(\.key))
        for (key, value) in file.members where !known.contains(key) && !Self.isBaseDigest(key) {
            if value == .null || value == .bool(false) { continue }
            let near = NearMiss.of(key, among: known).map { "; did you mean `\($0)`?" } ?? ""
            throw .unsupported(
                path: file.path, key: "unknown key `\(JSONError.shortened(key))`",
                found: JSONError.shortened(value.text),
                wanted: "null or false, and the keys of \(peftType) in PEFT 0.21"
                    + (near.isEmpty ? " (remove it if it does not change what the adapter computes)" : near))
        }
    }

    /// Every value but `null`, `false` and an empty list.
    private static func isSet(_ value: JSONValue) -> Bool {
        switch value {
        case .null: false
        case .bool(let flag): flag
        case .array(let values): !values.isEmpty
        default: true
        }
    }
}
