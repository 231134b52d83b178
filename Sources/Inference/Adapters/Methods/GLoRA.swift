/// GLoRA: W' = W + W * A + B, and for the bias b' = b + b * D + E + W C. Each of them is a product of two
/// factors, a vector, one number, or absent.
///
/// Chavan et al.: "One-for-All: Generalized LoRA for Parameter-Efficient Fine-tuning", 2023
/// (arXiv:2306.07967).
struct GLoRA: AdapterMethod {
    static let peftType = "GLORA"
    // The tensors state what each part is.
    static let keys = AdapterConfigKeys(
        read: ["r"], neutral: ["config_A_B", "config_C", "config_D_E", "init_weights"])
    static let parameters = Set(
        ["A", "B", "C", "D", "E"].flatMap { part in
            ["X", "Xd", "Xu", "zeros"].map { "glora_\(part).\($0)" }
        })

    let title = "GLoRA"
    private let r: Int

    init(_ file: ConfigFile) throws(ModelError) { r = try file.integer("r") ?? 8 }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: module.names["glora_A.Xu"] == nil ? nil : r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let (outputs, inputs) = (module.outputs, module.inputs)
        return GLoRAChange(
            weight: module.weight,
            a: try part(module, "A", outputs, inputs), b: try part(module, "B", outputs, inputs),
            c: try part(module, "C", inputs, 1), d: try part(module, "D", outputs, nil),
            e: try part(module, "E", outputs, nil))
    }

    /// A matrix `[rows, columns]`, or with `columns` of `nil` a vector that is stored with one dimension.
    private func part(
        _ module: AdaptedModule, _ name: String, _ rows: Int, _ columns: Int?
    ) throws(ModelError) -> GLoRAPart {
        let prefix = "glora_\(name)."
        if let shape = module.shapeIfPresent(prefix + "X") {
            if shape == [1] { return .number(try module.tensor(prefix + "X", [1]).pointer[0]) }
            return .vector(try module.tensor(prefix + "X", columns == nil ? [rows] : [rows, 1]))
        }
        guard module.has(prefix + "Xd") || module.has(prefix + "Xu"), let columns else { return .number(0) }
        let stated = try module.shape(of: prefix + "Xu").first ?? 0
        try module.check("r", r, isThatOf: prefix + "Xu", stated)
        return .product(
            LowRankMatrix(
                a: try module.tensor(prefix + "Xd", [rows, max(1, r)]),
                b: try module.tensor(prefix + "Xu", [r, columns]), core: nil), columns: columns)
    }
}

private enum GLoRAPart {
    case number(Float)
    case vector(Tensor)
    case product(LowRankMatrix, columns: Int)

    /// Some rows, each of `columns` numbers.
    func values(rows: Range<Int>, columns: Int) -> [Float] {
        switch self {
        case .number(let number): return Array(repeating: number, count: rows.count * columns)
        case .vector(let vector):
            return rows.flatMap { Array(repeating: vector.pointer[$0], count: columns) }
        case .product(let matrix, let columns):
            let (left, right) = matrix.factors()
            return FloatMatrix.product(
                left, right, rows: rows, inner: right.count / max(1, columns), columns: columns)
        }
    }
}

private struct GLoRAChange: WeightChange {
    let weight: Tensor
    let a: GLoRAPart
    let b: GLoRAPart
    let c: GLoRAPart
    let d: GLoRAPart
    let e: GLoRAPart

    var rank: Int? { if case .product(let matrix, _) = a { matrix.a.rowWidth } else { nil } }

    func rowMerge() -> RowMerge {
        let inputs = weight.rowWidth
        return { rows, block in
            let factors = a.values(rows: rows, columns: inputs)
            let added = b.values(rows: rows, columns: inputs)
            for index in factors.indices { block[index] += block[index] * factors[index] + added[index] }
        }
    }

    func bias(_ bias: Tensor?) -> [Float]? {
        guard let bias else { return nil }
        let outputs = weight.rows, inputs = weight.rowWidth
        let factors = d.values(rows: 0..<outputs, columns: 1)
        let added = e.values(rows: 0..<outputs, columns: 1)
        let vector = c.values(rows: 0..<inputs, columns: 1)
        return (0..<outputs).map { row in
            var sum = bias.pointer[row] + bias.pointer[row] * factors[row] + added[row]
            for column in 0..<inputs { sum += weight.pointer[row * inputs + column] * vector[column] }
            return sum
        }
    }
}
