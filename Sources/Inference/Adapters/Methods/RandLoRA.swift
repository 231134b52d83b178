/// RandLoRA: W' = W + s sum over n of B_n diag(l_n) A diag(g_n): random projections A and B that all modules
/// share, and trained vectors l and g for each module; s = `randlora_alpha` / r.
///
/// Albert et al.: "RandLoRA: Full-rank parameter-efficient fine-tuning of large models", 2025
/// (arXiv:2502.00987).
struct RandLoRA: AdapterMethod {
    static let peftType = "RANDLORA"
    static let keys = AdapterConfigKeys(
        read: ["r", "randlora_alpha", "save_projection"],
        neutral: [
            "init_weights", "projection_prng_key", "randlora_dropout", "sparse", "very_sparse",
        ])
    static let parameters: Set = ["randlora_A", "randlora_B", "randlora_lambda", "randlora_gamma"]

    let title = "RandLoRA"
    private let r: Int
    private let scale: Float

    init(_ file: ConfigFile) throws(ModelError) {
        r = try file.integer("r") ?? 32
        let alpha = try file.double("randlora_alpha") ?? 640
        guard r > 0, Float(alpha / Double(r)).isFinite else {
            throw .unsupported(path: file.path, key: "r", found: "\(r)", wanted: "a positive number")
        }
        scale = Float(alpha / Double(r))
        guard try file.bool("save_projection") ?? true else {
            throw .unsupported(
                path: file.path, key: "save_projection", found: "false",
                wanted: "true: otherwise the projections are random numbers of a type that depends on the "
                    + "machine; save the adapter with PEFT and save_projection")
        }
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: r, scale: scale)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let (largestOutputs, largestInputs) = try module.largestModule()
        let (mostBases, longest) = (
            min(largestOutputs, largestInputs), max(largestOutputs, largestInputs)
        )
        let stated = try module.shape(of: "randlora_lambda").first ?? 0
        try module.check("r", r, isThatOf: "randlora_lambda", stated)
        let shorter = min(module.outputs, module.inputs)
        let bases = (shorter + r - 1) / r
        return RandLoRAChange(
            rank: r, inputs: module.inputs, outputs: module.outputs, scale: scale,
            a: try projection(module, "randlora_A", [r, 1, mostBases]),
            b: try projection(module, "randlora_B", [longest, (mostBases + r - 1) / r, r]),
            lambda: try module.tensor("randlora_lambda", [r, bases]),
            gamma: try module.tensor("randlora_gamma", [bases, shorter]))
    }
}

extension RandLoRA {
    /// PEFT saves the projections once for all modules, and once more with each of them.
    private func projection(
        _ module: AdaptedModule, _ name: String, _ shape: [Int]
    ) throws(ModelError) -> Tensor {
        module.adapter.shared?.names[name] == nil && module.has(name)
            ? try module.tensor(name, shape) : try module.sharedTensor(name, shape)
    }
}

private struct RandLoRAChange: WeightChange {
    let rank: Int?
    let inputs: Int
    let outputs: Int
    let scale: Float
    /// `[rank, 1, shorter side of the largest module]`.
    let a: Tensor
    /// `[longer side, bases of the largest module, rank]`.
    let b: Tensor
    /// `[rank, bases]`.
    let lambda: Tensor
    /// `[bases, shorter side]`.
    let gamma: Tensor

    func rowMerge() throws(ModelError) -> RowMerge {
        try FactorChange(rank: rank, inputs: inputs, scale: scale) { () throws(ModelError) in
            // The shorter side's factor has the scaled A, wherever it stands in the product.
            inputs <= outputs
                ? (factorB(rows: outputs), factorA())
                : (transposed(factorA(), columns: outputs), transposed(factorB(rows: inputs), columns: size))
        }.rowMerge()
    }

    private var bases: Int { gamma.rows }
    private var size: Int { bases * a.rows }

    /// `[rank x bases, shorter side]`, the bases of a rank together.
    private func factorA() -> [Float] {
        let width = gamma.rowWidth, stride = a.rowWidth
        var values: [Float] = []
        for k in 0..<a.rows {
            for n in 0..<bases {
                let factor = lambda.pointer[k * bases + n]
                for column in 0..<width {
                    values.append(factor * a.pointer[k * stride + column] * gamma.pointer[n * width + column])
                }
            }
        }
        return values
    }

    /// `[longer side, bases x rank]`. PEFT orders these products the other way round than those of A.
    private func factorB(rows: Int) -> [Float] {
        var values: [Float] = []
        for row in 0..<rows {
            for index in 0..<size { values.append(b.pointer[row * b.rowWidth + index]) }
        }
        return values
    }

    private func transposed(_ values: [Float], columns: Int) -> [Float] {
        let rows = values.count / max(1, columns)
        var result = values
        for row in 0..<rows {
            for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
        }
        return result
    }
}
