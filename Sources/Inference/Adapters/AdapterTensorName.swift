/// The name of a tensor in an adapter's file, taken apart.
///
/// PEFT saves `base_model.model.MODULE.lora_A.weight`. Programs that save a state dictionary themselves leave
/// more in the name: the adapter's name (`lora_A.default.weight`), and the wrappers of torch.compile
/// (`_orig_mod.`), of data-parallel training (`module.`), of FSDP and of activation checkpointing. Others
/// strip PEFT's prefix.
struct AdapterTensorName {
    /// The module's or tensor's path without prefix, wrappers and the adapter's name.
    let path: String
    /// The adapter's name, if it is part of the name.
    let adapter: String?
    /// Part of a module of `modules_to_save`, under PEFT's wrapper.
    let isSaved: Bool
    /// Not used when the network computes: the untrained copy of a saved module, or the state of a training
    /// method (VeLoRA, MonteCLoRA).
    let isTrainingOnly: Bool

    private static let wrappers: Set<Substring> = [
        "_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    ]
    private static let prefix: Set<Substring> = ["base_model", "model"]
    private static let factors: Set<Substring> = ["lora_A", "lora_B", "lora_magnitude_vector"]
    private static let trainingParts: Set<Substring> = [
        "original_module", "lora_velora_embed", "lora_monteclora_sampler",
    ]

    /// - Returns: `nil` when the name has neither PEFT's prefix nor begins as a tensor of an AST.
    init?(_ name: String) {
        let all = name.split(separator: ".", omittingEmptySubsequences: false)
        let unwrapped = all.filter { !Self.wrappers.contains($0) }
        var parts = Array(unwrapped.drop { Self.prefix.contains($0) })
        let hasPrefix = parts.count < unwrapped.count
        guard let last = parts.last, hasPrefix || CheckpointNames.isInAST(parts.joined(separator: ".")) else {
            return nil
        }
        isTrainingOnly = parts.contains(where: Self.trainingParts.contains)
        parts.removeAll { $0 == "base_layer" }
        var adapter: Substring?
        let wrapper = parts.firstIndex(of: "modules_to_save")
        isSaved = wrapper != nil
        if let wrapper, wrapper + 2 < parts.count {
            adapter = parts[wrapper + 1]
            parts.removeSubrange(wrapper...wrapper + 1)
        }
        if let factor = parts.firstIndex(where: Self.factors.contains) {
            let isValue = last == "weight" || last == "bias"
            let names = factor + 1..<max(factor + 1, parts.count - (isValue ? 1 : 0))
            if !names.isEmpty {
                adapter = Substring(parts[names].joined(separator: "."))
                parts.removeSubrange(names)
            }
        }
        self.adapter = adapter.map(String.init)
        path = parts.joined(separator: ".")
    }
}
