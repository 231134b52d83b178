/// OFT: rotates the inputs of a module, block by block: W' = W R^T. Each rotation is the Cayley
/// transform of a skew-symmetric matrix, or the first terms of its Neumann series; `coft` keeps it
/// close to the identity.
///
/// Qiu et al.: "Controlling Text-to-Image Diffusion by Orthogonal Finetuning", 2023 (arXiv:2306.07280).
struct OFT: AdapterMethod {
    static let peftType = "OFT"
    // The tensors state the sizes of the blocks.
    static let keys = AdapterConfigKeys(
        read: ["block_share", "coft", "eps", "num_cayley_neumann_terms", "use_cayley_neumann"],
        neutral: ["init_weights", "module_dropout", "oft_block_size", "r"])
    static let parameters: Set = ["oft_R.weight", "oft_r"]

    var title: String { constraint == nil ? "OFT" : "OFT, constrained" }
    private let isShared: Bool
    /// How far a rotation's matrix may be from 0 (`eps`), with `coft`.
    private let constraint: Double?
    /// The terms of the Neumann series; `nil`: the Cayley transform.
    private let terms: Int?

    init(_ file: ConfigFile) throws(ModelError) {
        isShared = try file.bool("block_share") ?? false
        let eps = try file.double("eps") ?? 6e-5
        constraint = try file.bool("coft") ?? false ? eps : nil
        let count = try file.integer("num_cayley_neumann_terms") ?? 5
        terms = try file.bool("use_cayley_neumann") ?? true ? count : nil
        if let terms, !(0...64).contains(terms) {
            throw .unsupported(
                path: file.path, key: "num_cayley_neumann_terms", found: "\(terms)", wanted: "0 to 64")
        }
    }

    func check(_ adapter: Adapter) throws(ModelError) {
        if let module = adapter.modulesInOrder.first(where: { $0.names["oft_r"] != nil }) {
            throw .unsupported(
                path: adapter.file.path, key: "the format of OFT",
                found: "that of PEFT 0.15 (\(module.example))",
                wanted: "oft_R.weight; merge the adapter with PEFT 0.15.2, or train it again")
        }
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let shape = try module.shape(of: "oft_R.weight")
        guard shape.count == 2, let side = Self.side(elements: shape[1]), shape[0] > 0,
            module.inputs % side == 0, shape[0] == (isShared ? 1 : module.inputs / side)
        else {
            let name = module.tensors.names["oft_R.weight"] ?? "oft_R.weight"
            throw .unsupported(
                path: module.adapter.file.path, key: "shape of \(name)", found: "\(shape)",
                wanted: "[blocks, side (side - 1) / 2] with \(isShared ? "1 block of" : "blocks x") side "
                    + "\(isShared ? "a divisor of" : "=") \(module.inputs)")
        }
        return OFTChange(
            parameters: try module.tensor("oft_R.weight", shape), side: side, inputs: module.inputs,
            method: self, path: module.path, adapterPath: module.adapter.file.path)
    }

    /// The side of a skew-symmetric matrix with so many elements above the diagonal.
    private static func side(elements: Int) -> Int? {
        guard elements < 1 << 40 else { return nil }
        let side = Int((1 + Double(1 + 8 * elements).squareRoot()) / 2)
        return [side, side + 1].first { $0 * ($0 - 1) / 2 == elements }
    }

    /// The rotation of one block from the elements above its diagonal.
    fileprivate func rotation(_ elements: ArraySlice<Float>, side: Int, blocks: Int) -> SquareMatrix? {
        var skew = SquareMatrix(side: side, values: Array(repeating: 0, count: side * side))
        var place = elements.startIndex
        for row in 0..<side {
            for column in row + 1..<max(side, row + 1) {
                skew[row, column] = Double(elements[place])
                skew[column, row] = -Double(elements[place])
                place += 1
            }
        }
        if let constraint {
            let limit = constraint / Double(blocks).squareRoot()
            let norm = skew.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > limit { skew.add(skew, times: limit / norm - 1) }
        }
        guard let terms else { return skew.cayleyTransform() }
        // I + 2 S + 2 S^2 + ... + S^(terms - 1), the last one once. (This is a rotation in the other
        // direction than the Cayley transform's, in PEFT, too.)
        var sum = SquareMatrix.identity(side)
        if terms > 1 { sum.add(skew, times: 2) }
        if terms > 2 {
            var power = skew * skew
            sum.add(power, times: 2)
            for _ in 3..<max(3, terms - 1) {
                power = power * skew
                sum.add(power, times: 2)
            }
            sum.add(power * skew, times: 1)
        }
        return sum
    }
}

private struct OFTChange: WeightChange {
    /// `[blocks, elements above the diagonal]`.
    let parameters: Tensor
    let side: Int
    let inputs: Int
    let method: OFT
    let path: String
    let adapterPath: String

    func rowMerge() throws(ModelError) -> RowMerge {
        let elements = Array(parameters.buffer), width = parameters.rowWidth
        var rotations: [[Float]] = []
        for block in 0..<parameters.rows {
            guard
                let rotation = method.rotation(
                    elements[block * width..<(block + 1) * width], side: side, blocks: parameters.rows)
            else { throw .notFinite(path: adapterPath, tensor: "the rotation of \(path)") }
            rotations.append(rotation.floats)
        }
        let (side, inputs) = (side, inputs)
        return { [rotations] rows, block in
            rotate(block, rows: rows.count, inputs: inputs, side: side) { rotations[$0 % rotations.count] }
        }
    }
}

/// Multiplies each block of `side` columns with its own matrix: x' = M x for every row x of the block.
func rotate(
    _ values: UnsafeMutablePointer<Float>, rows: Int, inputs: Int, side: Int, by matrix: (Int) -> [Float]
) {
    var copy = [Float](repeating: 0, count: rows * side)
    for number in 0..<inputs / side {
        let block = values + number * side
        for row in 0..<rows {
            for column in 0..<side { copy[row * side + column] = block[row * inputs + column] }
        }
        matrix(number).withUnsafeBufferPointer { matrix in
            copy.withUnsafeBufferPointer { copy in
                guard let matrix = matrix.baseAddress, let copy = copy.baseAddress else { return }
                SGEMM.multiplyTransposed(
                    rows: rows, columns: side, inner: side, copy, stride: side, matrix, stride: side,
                    beta: 0, block, stride: inputs)
            }
        }
    }
}
