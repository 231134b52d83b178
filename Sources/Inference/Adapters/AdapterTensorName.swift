/// The name of a tensor in an adapter's file, taken apart.
///
/// PEFT saves `base_model.model.MODULE.lora_A.weight`. Programs that save a state dictionary themselves leave
/// more in the name: the adapter's name (`lora_A.default.weight`), and the wrappers of torch.compile
/// (`_orig_mod.`), of data-parallel training (`module.`), of FSDP and of activation checkpointing. Others
/// strip PEFT's prefix.
struct AdapterTensorName {
    /// The module's path without prefix, wrappers and the adapter's name; a tensor's, if it is not a
    /// parameter of the method.
    let path: String
    /// The parameter of the method, such as `lora_A.weight`.
    let parameter: String?
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
    private static let trainingParts: Set<Substring> = [
        "original_module", "lora_velora_embed", "lora_monteclora_sampler",
    ]

    /// - Returns: `nil` when the name has neither PEFT's prefix nor begins as a tensor of an AST.
    init?(_ name: String, _ method: any AdapterMethod.Type) {
        let roots = method.roots
        let all = name.split(separator: ".", omittingEmptySubsequences: false)
        let unwrapped = all.filter { !Self.wrappers.contains($0) }
        var parts = Array(unwrapped.drop { Self.prefix.contains($0) })
        let hasPrefix = parts.count < unwrapped.count
        guard let first = parts.first,
            hasPrefix || roots.contains(first) || CheckpointNames.isInAST(parts.joined(separator: "."))
        else { return nil }
        isTrainingOnly = parts.contains(where: Self.trainingParts.contains)
        parts.removeAll { $0 == "base_layer" }
        var adapter: Substring?
        let wrapper = parts.firstIndex(of: "modules_to_save")
        isSaved = wrapper != nil
        if let wrapper, wrapper + 2 < parts.count {
            adapter = parts[wrapper + 1]
            parts.removeSubrange(wrapper...wrapper + 1)
        }
        var parameter: String?
        if let root = parts.firstIndex(where: roots.contains),
            let found = Self.parameter(parts[root...], method)
        {
            parameter = found.name
            adapter = found.adapter.map { Substring($0) } ?? adapter
            parts.removeSubrange(root...)
            if let replaced = method.replacements[found.name] {
                parts.append(Substring(replaced))
                parameter = nil
            }
        }
        self.parameter = parameter.map(method.renamed)
        self.adapter = adapter.map(String.init)
        path = parts.joined(separator: ".")
    }

    /// The method's parameter that `parts` name, and the adapter's name, which may follow the parameter's
    /// first part: `lora_A.default.weight`, `ia3_l.default`.
    private static func parameter(
        _ parts: ArraySlice<Substring>, _ method: any AdapterMethod.Type
    ) -> (name: String, adapter: String?)? {
        let name = parts.joined(separator: ".")
        if method.isParameter(name) { return (name, nil) }
        let candidates = method.parameters.map { $0.split(separator: ".") }
            .filter { candidate in
                candidate.count < parts.count && candidate.first == parts.first
                    && parts.suffix(candidate.count - 1).elementsEqual(candidate.dropFirst())
            }
        guard let longest = candidates.max(by: { $0.count < $1.count }) else { return nil }
        let between = parts.dropFirst().dropLast(longest.count - 1)
        return (longest.joined(separator: "."), between.joined(separator: "."))
    }
}
