/// GraLoRA: the weight is divided into k x k blocks with small factors of their own, besides a common LoRA of
/// rank `hybrid_r`.
///
/// Jung et al.: "GraLoRA: Granular Low-Rank Adaptation for Parameter-Efficient Fine-Tuning", 2025
/// (arXiv:2505.20355).
struct GraLoRA: AdapterMethod {
    static let peftType = "GRALORA"
    static let keys = AdapterConfigKeys(
        read: ["alpha", "gralora_k", "hybrid_r", "r"], neutral: ["gralora_dropout", "init_weights"])
    static let parameters: Set = [
        "gralora_A", "gralora_B", "gralora_A_general.weight", "gralora_B_general.weight",
    ]

    var title: String { hybridRank > 0 ? "GraLoRA, hybrid" : "GraLoRA" }
    private let r: Int
    private let hybridRank: Int
    private let alpha: Double
    private let blocks: Int
    private let path: String

    init(_ file: ConfigFile) throws(ModelError) {
        path = file.path
        r = try file.integer("r") ?? 32
        hybridRank = try file.integer("hybrid_r") ?? 0
        alpha = try file.double("alpha") ?? 64
        blocks = try file.integer("gralora_k") ?? 2
        guard r > 0, hybridRank >= 0, r < 1 << 20, hybridRank < 1 << 20, blocks > 0, r % blocks == 0,
            Float(alpha / Double(r + hybridRank)).isFinite
        else {
            throw .unsupported(
                path: path, key: "r, hybrid_r, gralora_k", found: "\(r), \(hybridRank), \(blocks)",
                wanted: "a positive r, a multiple of gralora_k")
        }
    }

    private var scale: Float { Float(alpha / Double(r + hybridRank)) }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: r + hybridRank, scale: scale)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        guard module.inputs % blocks == 0, module.outputs % blocks == 0 else {
            throw module.contradiction(
                "gralora_k", found: "\(blocks)", wanted: "a divisor of \(module.inputs) and \(module.outputs)"
            )
        }
        let general = hybridRank > 0
        return GraLoRAChange(
            inputs: module.inputs, scale: scale,
            a: try module.tensor("gralora_A", [blocks, module.inputs / blocks, r]),
            b: try module.tensor("gralora_B", [blocks, r, module.outputs / blocks]),
            generalA: general
                ? try module.tensor("gralora_A_general.weight", [hybridRank, module.inputs]) : nil,
            generalB: general
                ? try module.tensor("gralora_B_general.weight", [module.outputs, hybridRank]) : nil)
    }
}

private struct GraLoRAChange: WeightChange {
    let inputs: Int
    let scale: Float
    /// `[k, inputs / k, rank]`.
    let a: Tensor
    /// `[k, rank, outputs / k]`.
    let b: Tensor
    let generalA: Tensor?
    let generalB: Tensor?

    var rank: Int? { b.shape[1] + (generalA?.rows ?? 0) }

    func rowMerge() -> RowMerge {
        let blocks = a.rows, rank = b.shape[1], share = rank / blocks
        let blockInputs = a.shape[1], blockOutputs = b.shape[2]
        return { rows, block in
            for row in rows {
                let values = block + (row - rows.lowerBound) * inputs
                let (outer, inner) = (row / blockOutputs, row % blockOutputs)
                for column in 0..<inputs {
                    // Of the block of inputs n, the outputs of block k see the ranks of share k, which meet
                    // the ranks of share n of B.
                    let n = column / blockInputs
                    var sum: Float = 0
                    for index in 0..<share {
                        sum +=
                            a.pointer[column * rank + outer * share + index]
                            * b.pointer[(outer * rank + n * share + index) * blockOutputs + inner]
                    }
                    values[column] += scale * sum
                }
            }
            guard let generalA, let generalB else { return }
            SGEMM.multiply(
                rows: rows.count, columns: inputs, inner: generalA.rows, alpha: scale,
                generalB.pointer + rows.lowerBound * generalA.rows, stride: generalA.rows, generalA.pointer,
                stride: inputs, beta: 1, block, stride: inputs)
        }
    }
}
