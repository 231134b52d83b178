/// IA3: scales the outputs of a module, its bias included, or the inputs of a feed-forward module.
///
/// Liu et al.: "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context
/// Learning", 2022 (arXiv:2205.05638).
struct IA3: AdapterMethod {
    static let peftType = "IA3"
    // The shape of a module's tensor states whether it scales inputs or outputs.
    static let keys = AdapterConfigKeys(neutral: ["feedforward_modules", "init_ia3_weights"])
    static let parameters: Set = ["ia3_l"]

    let title = "IA3"

    init(_ file: ConfigFile) {}

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let found = try module.shape(of: "ia3_l")
        let ones = Array(repeating: 1, count: module.weight.shape.count - 2)
        let ofInputs = [1, module.weight.shape[1]] + ones
        // A convolution's scales of outputs have one row, too.
        let ofOutputs = module.isConvolution ? [1, module.outputs] + ones : [module.outputs, 1]
        if found == ofInputs, ofInputs != ofOutputs {
            return InputScales(
                scales: try module.tensor("ia3_l", ofInputs), inputs: module.inputs)
        }
        return OutputScales(scales: try module.tensor("ia3_l", ofOutputs), inputs: module.inputs)
    }
}

private struct OutputScales: WeightChange {
    let scales: Tensor
    let inputs: Int

    func bias(_ bias: Tensor?) -> [Float]? {
        bias.map { bias in (0..<bias.count).map { bias.pointer[$0] * scales.pointer[$0] } }
    }

    func rowMerge() -> RowMerge {
        { rows, block in
            for row in rows {
                let values = block + (row - rows.lowerBound) * inputs
                for column in 0..<inputs { values[column] *= scales.pointer[row] }
            }
        }
    }
}

private struct InputScales: WeightChange {
    let scales: Tensor
    let inputs: Int

    func rowMerge() -> RowMerge {
        // A convolution's channel has as many inputs as its kernel.
        let kernel = inputs / scales.count
        return { rows, block in
            for row in 0..<rows.count {
                let values = block + row * inputs
                for column in 0..<inputs { values[column] *= scales.pointer[column / kernel] }
            }
        }
    }
}
