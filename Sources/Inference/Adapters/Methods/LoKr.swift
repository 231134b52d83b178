/// LoKr: W' = W + s (W1 (x) W2), a Kronecker product. Each of the two is a matrix, or a product of two
/// factors, or (W2 of a convolution with `use_effective_conv2d`) a CP decomposition.
///
/// Edalati et al.: "KronA: Parameter Efficient Tuning with Kronecker Adapter", 2022 (arXiv:2212.10650);
/// Yeh et al.: "Navigating Text-To-Image Customization", 2023 (arXiv:2309.14859).
struct LoKr: AdapterMethod {
    static let peftType = "LOKR"
    static let keys = AdapterConfigKeys(
        read: RankAndAlpha.keys,
        neutral: [
            "decompose_both", "decompose_factor", "init_weights", "module_dropout", "rank_dropout",
            "rank_dropout_scale", "use_effective_conv2d",
        ])
    static let parameters: Set = [
        "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
    ]

    let title = "LoKr"
    private let sizes: RankAndAlpha

    init(_ file: ConfigFile) throws(ModelError) { sizes = try RankAndAlpha(file) }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: sizes.rank(module.path), scale: try sizes.scale(module.path))
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        // An AST's convolution has one channel, so its kernel is a matrix, too.
        let (firstRows, firstColumns) = try outer(module)
        guard firstRows > 0, firstColumns > 0, module.outputs % firstRows == 0,
            module.weight.shape[1] % firstColumns == 0
        else {
            throw .shape(
                path: module.adapter.file.path, tensor: "\(module.path).lokr_w1",
                expected: module.weight.shape, found: [firstRows, firstColumns])
        }
        return LoKrChange(
            rank: sizes.rank(module.path), inputs: module.inputs, scale: try sizes.scale(module.path),
            firstColumns: firstColumns, secondRows: module.outputs / firstRows,
            first: try first(module, firstRows, firstColumns),
            second: try second(
                module, rows: module.outputs / firstRows,
                columns: module.weight.shape[1] / firstColumns))
    }

    /// The shape of W1.
    private func outer(_ module: AdaptedModule) throws(ModelError) -> (rows: Int, columns: Int) {
        if let shape = module.shapeIfPresent("lokr_w1") {
            guard shape.count == 2 else { return (0, 0) }
            return (shape[0], shape[1])
        }
        let a = try module.shape(of: "lokr_w1_a"), b = try module.shape(of: "lokr_w1_b")
        return (a.first ?? 0, b.last ?? 0)
    }

    private func first(_ module: AdaptedModule, _ rows: Int, _ columns: Int) throws(ModelError) -> Part {
        if module.has("lokr_w1") { return .whole(try module.tensor("lokr_w1", [rows, columns])) }
        let rank = sizes.rank(module.path)
        return .product(
            LowRankMatrix(
                a: try module.tensor("lokr_w1_a", [rows, rank]),
                b: try module.tensor("lokr_w1_b", [rank, columns]), core: nil), columns: columns)
    }

    private func second(_ module: AdaptedModule, rows: Int, columns: Int) throws(ModelError) -> Part {
        let kernel = Array(module.weight.shape.dropFirst(2))
        let width = columns * kernel.reduce(1, *)
        if module.has("lokr_w2") { return .whole(try module.tensor("lokr_w2", [rows, columns] + kernel)) }
        let rank = sizes.rank(module.path)
        guard module.has("lokr_t2") else {
            return .product(
                LowRankMatrix(
                    a: try module.tensor("lokr_w2_a", [rows, rank]),
                    b: try module.tensor("lokr_w2_b", [rank, width]), core: nil), columns: width)
        }
        guard module.isConvolution else {
            throw .unmatchedTensor(
                path: module.adapter.file.path, tensor: module.tensors.names["lokr_t2"] ?? "lokr_t2")
        }
        return .product(
            LowRankMatrix(
                a: try module.tensor("lokr_w2_a", [rank, rows]),
                b: try module.tensor("lokr_w2_b", [rank, columns]),
                core: try module.tensor("lokr_t2", [rank, rank] + kernel)), columns: width)
    }

    /// W1 or W2.
    fileprivate enum Part {
        case whole(Tensor)
        case product(LowRankMatrix, columns: Int)

        func values() -> [Float] {
            switch self {
            case .whole(let tensor): return Array(tensor.buffer)
            case .product(let matrix, let columns):
                let (left, right) = matrix.factors()
                let inner = right.count / max(1, columns)
                return FloatMatrix.product(
                    left, right, rows: 0..<left.count / max(1, inner), inner: inner, columns: columns)
            }
        }
    }
}

private struct LoKrChange: WeightChange {
    let rank: Int?
    let inputs: Int
    let scale: Float
    let firstColumns: Int
    let secondRows: Int
    let first: LoKr.Part
    let second: LoKr.Part

    func rowMerge() -> RowMerge {
        let first = first.values(), second = second.values()
        let secondColumns = inputs / firstColumns
        return { rows, block in
            for row in rows {
                let values = block + (row - rows.lowerBound) * inputs
                let outer = row / secondRows * firstColumns
                let inner = row % secondRows * secondColumns
                for i in 0..<firstColumns {
                    let factor = first[outer + i]
                    for j in 0..<secondColumns {
                        values[i * secondColumns + j] += factor * second[inner + j] * scale
                    }
                }
            }
        }
    }
}
