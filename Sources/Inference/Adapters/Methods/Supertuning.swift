/// Supertuning: adds trained values to the largest (or smallest) elements of the weight, and with `r` a LoRA.
struct Supertuning: AdapterMethod {
    static let peftType = "SUPERTUNING"
    // The file states the places of the values.
    static let keys = AdapterConfigKeys(
        read: ["lora_alpha", "r", "save_precomputed_indices"],
        neutral: ["init_weights", "lora_dropout", "select_top", "sparsity"])
    static let parameters: Set = [
        "supertuning_values", "supertuning_indices", "supertuning_lora_A.weight",
        "supertuning_lora_B.weight",
    ]
    static let integers: Set = ["supertuning_indices"]

    var title: String { r == nil ? "Supertuning" : "Supertuning with LoRA" }
    private let r: Int?
    private let scale: Float

    init(_ file: ConfigFile) throws(ModelError) {
        r = try file.integer("r")
        let alpha = try file.double("lora_alpha") ?? 0
        scale = Float(alpha / Double(r ?? 1))
        guard scale.isFinite, (r ?? 1) > 0 else {
            throw .unsupported(
                path: file.path, key: "r", found: "\(r ?? 0)", wanted: "a positive number, or null")
        }
        guard try file.bool("save_precomputed_indices") ?? true else {
            throw .unsupported(
                path: file.path, key: "save_precomputed_indices", found: "false",
                wanted: "true: the order of equal elements depends on the machine")
        }
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: r, scale: r == nil ? nil : scale)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear("Supertuning")
        let (outputs, inputs) = (module.outputs, module.inputs)
        let count = try module.shape(of: "supertuning_values").first ?? 0
        let values = try module.tensor("supertuning_values", [count])
        let places = try module.integers("supertuning_indices", [count], below: outputs * inputs)
        var ofRow: [Int: [Int]] = [:]
        for (index, place) in places.enumerated() { ofRow[place / inputs, default: []].append(index) }
        let a = try r.map { r throws(ModelError) in
            try module.tensor("supertuning_lora_A.weight", [r, inputs])
        }
        let b = try r.map { r throws(ModelError) in
            try module.tensor("supertuning_lora_B.weight", [outputs, r])
        }
        let scale = scale
        return RowChange(rank: r) { [ofRow] rows, block in
            for row in rows {
                for index in ofRow[row] ?? [] {
                    block[(row - rows.lowerBound) * inputs + places[index] % inputs] += values.pointer[index]
                }
            }
            guard let a, let b else { return }
            SGEMM.multiply(
                rows: rows.count, columns: inputs, inner: a.rows, alpha: scale,
                b.pointer + rows.lowerBound * a.rows, stride: a.rows, a.pointer, stride: inputs, beta: 1,
                block, stride: inputs)
        }
    }
}
