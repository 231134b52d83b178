/// HRA: rotates the inputs of a module by a product of Householder reflections:
/// W' = W (I - 2 u1 u1^T) (I - 2 u2 u2^T) ... With `apply_GS` the u are made orthogonal first.
///
/// Yuan et al.: "Bridging The Gap between Low-rank and Orthogonal Adaptation via Householder Reflection
/// Adaptation", 2024 (arXiv:2405.17484).
struct HRA: AdapterMethod {
    static let peftType = "HRA"
    static let keys = AdapterConfigKeys(read: ["apply_GS", "r"], neutral: ["init_weights"])
    static let parameters: Set = ["hra_u"]

    var title: String { isOrthogonal ? "HRA, orthogonal reflections" : "HRA" }
    /// `apply_GS`: Gram-Schmidt.
    private let isOrthogonal: Bool
    private let r: Int

    init(_ file: ConfigFile) throws(ModelError) {
        isOrthogonal = try file.bool("apply_GS") ?? false
        r = try file.integer("r") ?? 8
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let shape = try module.shape(of: "hra_u")
        try module.check("r", r, isThatOf: "hra_u", shape.last ?? 0)
        return HRAChange(
            vectors: try module.tensor("hra_u", [module.inputs, max(1, r)]), inputs: module.inputs,
            isOrthogonal: isOrthogonal)
    }
}

private struct HRAChange: WeightChange {
    /// `[inputs, rank]`.
    let vectors: Tensor
    let inputs: Int
    let isOrthogonal: Bool

    var rank: Int? { vectors.rowWidth }

    func rowMerge() -> RowMerge {
        let units = unitVectors()
        let inputs = inputs
        return { rows, block in
            for row in 0..<rows.count {
                let values = block + row * inputs
                for unit in units {
                    var product: Float = 0
                    for index in 0..<inputs { product += values[index] * unit[index] }
                    for index in 0..<inputs { values[index] -= 2 * product * unit[index] }
                }
            }
        }
    }

    /// The vectors of the reflections, of length 1. A vector of zeros becomes NaN, as in PEFT.
    private func unitVectors() -> [[Float]] {
        let rank = vectors.rowWidth
        var units: [[Double]] = []
        for column in 0..<rank {
            var vector = (0..<inputs).map { Double(vectors.pointer[$0 * rank + column]) }
            if isOrthogonal {
                for unit in units {
                    let product = zip(unit, vector).reduce(0) { $0 + $1.0 * $1.1 }
                    for index in 0..<inputs { vector[index] -= product * unit[index] }
                }
            }
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            units.append(vector.map { $0 / length })
        }
        return units.map { $0.map { Float($0) } }
    }
}
