/// DeLoRA: W' = W + (lambda / r) sum over i of B_i A_i / (|B_i| |A_i|), with each column scaled by the length
/// that the base's column had when the adapter was made.
///
/// Bini et al.: "DeLoRA: Decoupling Angles and Strength in Low-rank Adaptation", 2025 (arXiv:2503.18225).
struct DeLoRA: AdapterMethod {
    static let peftType = "DELORA"
    static let keys = AdapterConfigKeys(
        read: ["r", "rank_pattern"],
        neutral: ["delora_lambda", "init_weights", "lambda_pattern", "module_dropout"])
    static let parameters: Set = ["delora_A", "delora_B", "delora_lambda", "delora_w_norm"]

    let title = "DeLoRA"
    private let r: Int
    private let rankPattern: PatternTable<Int>

    init(_ file: ConfigFile) throws(ModelError) {
        r = try file.integer("r") ?? 8
        rankPattern = try PatternTable(file, "rank_pattern", "a whole number") { $0.wholeNumber }
    }

    private func rank(_ module: String) -> Int { rankPattern.value(for: module) ?? r }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: rank(module.path))
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let rank = rank(module.path)
        let (inputs, outputs) = (module.inputs, module.outputs)
        let stored = try module.shape(of: "delora_A").first ?? 0
        try module.check("r", rank, isThatOf: "delora_A", stored)
        let a = try module.tensor("delora_A", [max(1, rank), inputs])
        let b = try module.tensor("delora_B", [outputs, rank])
        let lambda = try module.tensor("delora_lambda", [1]).pointer[0]
        let columns = try module.tensor("delora_w_norm", [inputs])
        return FactorChange(rank: rank, inputs: inputs, scale: 1) { () throws(ModelError) in
            var left = Array(b.buffer), right = Array(a.buffer)
            for index in 0..<rank {
                let lengths =
                    Self.length(right[index * inputs..<(index + 1) * inputs])
                    * Self.length((0..<outputs).map { left[$0 * rank + index] })
                let factor = lambda / Float(rank) / lengths
                for row in 0..<outputs { left[row * rank + index] *= factor }
                for column in 0..<inputs { right[index * inputs + column] *= columns.pointer[column] }
            }
            return (left, right)
        }
    }

    private static func length(_ vector: some Sequence<Float>) -> Float {
        max(Float(vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()), 1e-4)
    }
}
