internal import TextSupport

/// AdaLoRA: W' = W + s B (E * A), with singular values E and s = `lora_alpha` / (`init_r` + 1e-5).
/// Training drops ranks; `rank_pattern` holds for each module which of them remain.
///
/// Zhang et al.: "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", 2023
/// (arXiv:2303.10512).
struct AdaLoRA: AdapterMethod {
    static let peftType = "ADALORA"
    static let keys = AdapterConfigKeys(
        read: ["init_r", "lora_alpha", "rank_pattern"],
        neutral: LoRA.keys.neutral.union([
            "alpha_pattern", "beta1", "beta2", "deltaT", "init_lora_weights", "lora_bias", "orth_reg_weight",
            "r",
            "target_r", "tfinal", "tinit", "total_step", "use_rslora",
        ]),
        unmergeable: LoRA.keys.unmergeable + [
            ("layer_replication", "it adds layers to the base"),
            ("use_dora", "PEFT has no AdaLoRA with magnitudes"),
        ])
    static let parameters: Set = ["lora_A", "lora_B", "lora_E", "ranknum"]

    let title = "AdaLoRA"
    private let initialRank: Int
    private let alpha: Double
    /// Whether each of the initial ranks remains, by the module's path.
    private let masks: [String: [Bool]]

    init(_ file: ConfigFile) throws(ModelError) {
        initialRank = try file.integer("init_r") ?? 12
        alpha = try file.double("lora_alpha") ?? 8
        let flags = try file.members("rank_pattern", "a list of true and false") { value in
            value.array { value in if case .bool(let flag) = value { flag } else { nil } }
        }
        var masks: [String: [Bool]] = [:]
        for (name, mask) in flags ?? [] {
            let end = name.firstRange(of: ".lora_E") ?? name.endIndex..<name.endIndex
            masks[String(name[..<end.lowerBound])] = mask
        }
        self.masks = masks
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        let mask = masks[module.path]
        let rank = mask.map { $0.count { $0 } } ?? initialRank
        return ModuleSizes(rank: rank, scale: scale(remaining: rank))
    }

    /// In PEFT a module without a rank has no scale.
    private func scale(remaining rank: Int) -> Float {
        let alpha = alpha > 0 ? alpha : Double(rank)
        return Float(alpha) / (Float(rank == 0 ? 0 : initialRank) + 1e-5)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let stored = try module.shape(of: "lora_E").first ?? 0
        let mask = masks[module.path]
        let rank = mask.map { $0.count { $0 } } ?? initialRank
        // A file that keeps the dropped ranks, too.
        let isWhole = mask != nil && stored == mask?.count
        if !isWhole {
            try module.check(
                mask == nil ? "init_r" : "rank_pattern", rank, isThatOf: "lora_E", stored)
        }
        let kept = isWhole ? (mask ?? []).indices.filter { mask?[$0] == true } : Array(0..<rank)
        let a = try module.tensor("lora_A", [stored, module.inputs])
        let b = try module.tensor("lora_B", [module.outputs, stored])
        let values = try module.tensor("lora_E", [stored, 1])
        let (inputs, outputs) = (module.inputs, module.outputs)
        return FactorChange(rank: rank, inputs: inputs, scale: scale(remaining: rank)) {
            () throws(ModelError) in
            var left: [Float] = []
            for row in 0..<outputs { left += kept.map { b.pointer[row * stored + $0] } }
            var right: [Float] = []
            for index in kept {
                right += (0..<inputs).map { a.pointer[index * inputs + $0] * values.pointer[index] }
            }
            return (left, right)
        }
    }
}
