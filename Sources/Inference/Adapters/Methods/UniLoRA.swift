/// Uni-LoRA: a LoRA whose factors consist of the numbers of one trained vector; each module states which, and
/// their scales.
///
/// Li et al.: "Uni-LoRA: One Vector is All You Need", 2025 (arXiv:2506.00799).
struct UniLoRA: AdapterMethod {
    static let peftType = "UNILORA"
    static let keys = AdapterConfigKeys(
        read: ["r", "save_indices", "theta_d_length"],
        neutral: ["init_theta_d_bound", "init_weights", "proj_seed", "unilora_dropout"])
    static let parameters: Set = [
        "unilora_theta_d", "unilora_indices_A", "unilora_indices_B", "unilora_scales_A", "unilora_scales_B",
    ]
    static let integers: Set = ["unilora_indices_A", "unilora_indices_B"]

    let title = "Uni-LoRA"
    private let r: Int
    private let length: Int

    init(_ file: ConfigFile) throws(ModelError) {
        r = try file.integer("r") ?? 4
        length = try file.integer("theta_d_length") ?? 256
        guard try file.bool("save_indices") ?? false else {
            throw .unsupported(
                path: file.path, key: "save_indices", found: "false",
                wanted: "true: otherwise the indices are NumPy's random numbers")
        }
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let (outputs, inputs, rank) = (module.outputs, module.inputs, max(1, r))
        let numbers = try module.sharedTensor("unilora_theta_d", [length])
        let aPlaces = try module.integers("unilora_indices_A", [rank, inputs], below: length)
        let bPlaces = try module.integers("unilora_indices_B", [outputs, rank], below: length)
        let aScales = try module.tensor("unilora_scales_A", [rank, inputs])
        let bScales = try module.tensor("unilora_scales_B", [outputs, rank])
        return FactorChange(rank: rank, inputs: inputs, scale: 1) { () throws(ModelError) in
            (
                bPlaces.indices.map { numbers.pointer[bPlaces[$0]] * bScales.pointer[$0] },
                aPlaces.indices.map { numbers.pointer[aPlaces[$0]] * aScales.pointer[$0] }
            )
        }
    }
}
