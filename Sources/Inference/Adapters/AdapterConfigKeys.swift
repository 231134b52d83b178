internal import TextSupport

/// The keys of `adapter_config.json`: those of PEFT 0.21's `LoraConfig`, and of its older versions.
enum AdapterConfigKeys {
    /// Keys that ``AdapterConfig`` reads.
    static let honoured: Set<String> = [
        "alpha_pattern", "base_model_name_or_path", "bias", "init_lora_weights", "layer_replication",
        "lora_alpha", "lora_bias", "modules_to_save", "peft_type", "peft_version", "r", "rank_pattern",
        "revision", "use_dora", "use_rslora",
    ]

    /// Keys that do not change what the saved tensors compute, whatever their values: they select modules
    /// (the tensors' names do, too), or matter in training or for other networks only.
    static let neutral: Set<String> = [
        "auto_mapping", "corda_config", "enable_lora", "ensure_weight_tying", "eva_config", "exclude_modules",
        "fan_in_fan_out", "inference_mode", "layers_pattern", "layers_to_transform", "loftq_config",
        "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "merge_weights",
        "monteclora_config", "qalora_group_size", "runtime_config", "target_modules", "task_type",
        "velora_config",
    ]

    /// Keys with which the network is not W + s B A, and why.
    static let unmergeable: [(key: String, reason: String)] = [
        ("alora_invocation_tokens", "aLoRA acts on a part of the tokens"),
        ("arrow_config", "Arrow routes between several adapters"),
        ("kasa_config", "KaSA truncates the base and puts a diagonal between the factors"),
        ("target_parameters", "LoRA on bare parameters is not merged"),
        ("trainable_token_indices", "an AST has no vocabulary"),
        ("use_bdlora", "one factor is block-diagonal"),
        ("use_qalora", "A was trained on averaged inputs"),
    ]

    private static let known = honoured.union(neutral).union(unmergeable.map(\.key))

    /// Whether a key states the SHA-256 of the base's weights, such as `base_model_sha256`.
    static func isBaseDigest(_ key: String) -> Bool {
        let key = key.lowercased()
        return key.contains("base") && key.contains("sha256")
    }

    /// Rejects keys that this version does not know, unless they are `null` or `false`: one of them may
    /// change what the adapter computes, as `use_rslora` did when it was new.
    static func check(_ file: ConfigFile) throws(ModelError) {
        for (key, value) in file.members where !known.contains(key) && !isBaseDigest(key) {
            if value == .null || value == .bool(false) { continue }
            let near = NearMiss.of(key, among: known).map { "; did you mean `\($0)`?" } ?? ""
            throw .unsupported(
                path: file.path, key: "unknown key `\(JSONError.shortened(key))`",
                found: JSONError.shortened(value.text),
                wanted: "null or false, and the keys of LoraConfig in PEFT 0.21"
                    + (near.isEmpty ? " (remove it if it does not change what the adapter computes)" : near))
        }
    }
}
