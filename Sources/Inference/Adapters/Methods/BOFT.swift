/// BOFT: rotates the inputs of a module by a product of block-diagonal rotations with butterfly
/// permutations between them, and scales the outputs: W' = s * (W R^T).
///
/// Liu et al.: "Parameter-Efficient Orthogonal Finetuning via Butterfly Factorization", 2023
/// (arXiv:2311.06243).
struct BOFT: AdapterMethod {
    static let peftType = "BOFT"
    // The tensors state the sizes and the number of factors. (Without a CUDA extension PEFT trains one
    // factor, whatever boft_n_butterfly_factor is.)
    static let keys = AdapterConfigKeys(
        neutral: [
            "boft_block_num", "boft_block_size", "boft_dropout", "boft_n_butterfly_factor", "init_weights",
        ])
    static let parameters: Set = ["boft_R", "boft_s"]

    let title = "BOFT"

    init(_ file: ConfigFile) {}

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let shape = try module.shape(of: "boft_R")
        guard shape.count == 4, shape[0] > 0, shape[0] <= 32, shape[1] > 0, shape[2] == shape[3],
            shape[1].multipliedReportingOverflow(by: shape[2]).partialValue == module.inputs,
            shape[0] == 1 || (shape[2] % 2 == 0 && shape[1] % (1 << (shape[0] - 1)) == 0)
        else {
            throw .unsupported(
                path: module.adapter.file.path,
                key: "shape of \(module.tensors.names["boft_R"] ?? "boft_R")", found: "\(shape)",
                wanted: "[factors, blocks, side, side] with blocks x side = \(module.inputs); with several "
                    + "factors, an even side and blocks that are a multiple of 2^(factors - 1)")
        }
        return BOFTChange(
            parameters: try module.tensor("boft_R", shape),
            scales: try module.tensor(
                "boft_s", module.isConvolution ? [1, module.outputs] : [module.outputs, 1]),
            inputs: module.inputs, path: module.path, adapterPath: module.adapter.file.path)
    }
}

private struct BOFTChange: WeightChange {
    /// `[factors, blocks, side, side]`.
    let parameters: Tensor
    let scales: Tensor
    let inputs: Int
    let path: String
    let adapterPath: String

    private var factors: Int { parameters.shape[0] }
    private var blocks: Int { parameters.shape[1] }
    private var side: Int { parameters.shape[2] }

    func rowMerge() throws(ModelError) -> RowMerge {
        var rotations: [[Float]] = []
        for block in 0..<factors * blocks { rotations.append(try rotation(block)) }
        let orders = (0..<factors).map(order)
        let (blocks, side, inputs, scales) = (blocks, side, inputs, scales)
        return { [rotations] rows, block in
            var row = [Float](repeating: 0, count: inputs)
            // x = P R P^T x for each factor, where (P x)[i] = x[order[i]].
            for (factor, order) in orders.enumerated() {
                Self.permute(block, rows.count, &row) { row, values in
                    for index in 0..<inputs { values[order[index]] = row[index] }
                }
                rotate(block, rows: rows.count, inputs: inputs, side: side) {
                    rotations[factor * blocks + $0]
                }
                Self.permute(block, rows.count, &row) { row, values in
                    for index in 0..<inputs { values[index] = row[order[index]] }
                }
            }
            for index in rows {
                let values = block + (index - rows.lowerBound) * inputs
                for column in 0..<inputs { values[column] *= scales.pointer[index] }
            }
        }
    }

    private static func permute(
        _ block: UnsafeMutablePointer<Float>, _ rows: Int, _ row: inout [Float],
        _ write: (_ row: [Float], _ values: UnsafeMutablePointer<Float>) -> Void
    ) {
        for index in 0..<rows {
            let values = block + index * row.count
            for column in row.indices { row[column] = values[column] }
            write(row, values)
        }
    }

    /// The Cayley transform of the skew-symmetric part of one block.
    private func rotation(_ block: Int) throws(ModelError) -> [Float] {
        let first = block * side * side
        var skew = SquareMatrix(side: side, values: Array(repeating: 0, count: side * side))
        for row in 0..<side {
            for column in 0..<side {
                skew[row, column] =
                    (Double(parameters.pointer[first + row * side + column])
                        - Double(parameters.pointer[first + column * side + row])) / 2
            }
        }
        guard let rotation = skew.cayleyTransform() else {
            throw .notFinite(path: adapterPath, tensor: "the rotation of \(path)")
        }
        return rotation.floats
    }

    /// The butterfly permutation of a factor: within groups of 2^factor blocks, half blocks at even
    /// places come before those at odd ones.
    private func order(_ factor: Int) -> [Int] {
        guard factors > 1 else { return Array(0..<inputs) }
        let group = inputs / (blocks >> factor), half = side / 2
        let halves = group / half
        let sorted = Array(stride(from: 0, to: halves, by: 2)) + Array(stride(from: 1, to: halves, by: 2))
        return (0..<inputs).map { index in
            let place = index % group
            return index - place + sorted[place / half] * half + place % half
        }
    }
}
