/// C3A: adds a matrix of circulant blocks, divided by the number of inputs.
///
/// Chen et al.: "Parameter-Efficient Fine-Tuning via Circular Convolution", 2024 (arXiv:2407.19342).
struct C3A: AdapterMethod {
    static let peftType = "C3A"
    // The tensors state the sizes of the blocks.
    static let keys = AdapterConfigKeys(neutral: ["block_size", "block_size_pattern", "init_weights"])
    static let parameters: Set = ["c3a_kernel"]

    let title = "C3A"

    init(_ file: ConfigFile) {}

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        let (outputs, inputs) = (module.outputs, module.inputs)
        let side = try module.shape(of: "c3a_kernel").last ?? 0
        guard side > 0, outputs % side == 0, inputs % side == 0 else {
            throw module.contradiction(
                "block size", found: "\(side)", wanted: "a divisor of \(outputs) and \(inputs)")
        }
        let kernel = try module.tensor("c3a_kernel", [outputs / side, inputs / side, side])
        return RowChange { rows, block in
            for row in rows {
                let values = block + (row - rows.lowerBound) * inputs
                let first = row / side * inputs
                for column in 0..<inputs {
                    let shift = (column % side - row % side + side) % side
                    values[column] +=
                        kernel.pointer[first + column / side * side + shift] / Float(inputs)
                }
            }
        }
    }
}
