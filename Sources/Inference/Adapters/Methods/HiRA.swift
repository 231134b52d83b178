/// HiRA: W' = W + W * (B A), element by element.
///
/// Huang et al.: "HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models", 2025.
struct HiRA: AdapterMethod {
    static let peftType = "HIRA"
    // The tensors state the ranks. (PEFT ignores rank_pattern.)
    static let keys = AdapterConfigKeys(neutral: ["hira_dropout", "init_weights", "r", "rank_pattern"])
    static let parameters: Set = ["hira_A", "hira_B"]

    let title = "HiRA"

    init(_ file: ConfigFile) {}

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: module.names["hira_A"].flatMap { adapter.file.shape(of: $0)?.first })
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let inputs = module.inputs
        let rank = try module.shape(of: "hira_A").first ?? 0
        let ones = Array(repeating: 1, count: module.weight.shape.count - 2)
        let a = try module.tensor("hira_A", [max(1, rank)] + module.weight.shape.dropFirst())
        let b = try module.tensor("hira_B", [module.outputs, rank] + ones)
        return RowChange(rank: rank) { rows, block in
            let factors = FloatMatrix.product(
                Array(b.buffer), Array(a.buffer), rows: rows, inner: rank, columns: inputs)
            for index in factors.indices { block[index] += block[index] * factors[index] }
        }
    }
}
