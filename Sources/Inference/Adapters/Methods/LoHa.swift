/// LoHa: W' = W + s (A1 B1) * (A2 B2), element by element.
///
/// Hyeon-Woo et al.: "FedPara: Low-Rank Hadamard Product for Communication-Efficient Federated
/// Learning", 2022 (arXiv:2108.06098). With `use_effective_conv2d` each factor of a convolution is a CP
/// decomposition: sum over i and j of T[i,j,k] A[i,output] B[j,channel].
struct LoHa: AdapterMethod {
    static let peftType = "LOHA"
    static let keys = AdapterConfigKeys(
        read: RankAndAlpha.keys,
        neutral: ["init_weights", "module_dropout", "rank_dropout", "use_effective_conv2d"])
    static let parameters: Set = [
        "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
    ]

    let title = "LoHa"
    private let sizes: RankAndAlpha

    init(_ file: ConfigFile) throws(ModelError) { sizes = try RankAndAlpha(file) }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: sizes.rank(module.path), scale: try sizes.scale(module.path))
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let rank = sizes.rank(module.path)
        let scale = try sizes.scale(module.path)
        return LoHaChange(
            rank: rank, inputs: module.inputs, scale: scale,
            first: try factors(of: module, "1", rank), second: try factors(of: module, "2", rank))
    }

    private func factors(
        of module: AdaptedModule, _ number: String, _ rank: Int
    ) throws(ModelError) -> LowRankMatrix {
        let (a, b, t) = ("hada_w\(number)_a", "hada_w\(number)_b", "hada_t\(number)")
        guard module.has(t) else {
            try module.check(
                "r", rank, isThatOf: b, try module.shape(of: b).first ?? 0)
            return LowRankMatrix(
                a: try module.tensor(a, [module.outputs, rank]),
                b: try module.tensor(b, [rank, module.inputs]), core: nil)
        }
        let shape = module.weight.shape
        guard module.isConvolution else {
            throw .unmatchedTensor(path: module.adapter.file.path, tensor: module.tensors.names[t] ?? t)
        }
        return LowRankMatrix(
            a: try module.tensor(a, [rank, shape[0]]), b: try module.tensor(b, [rank, shape[1]]),
            core: try module.tensor(t, [rank, rank] + shape.dropFirst(2)))
    }
}

/// A B, or a convolution's CP decomposition with a core `[rank, rank, side, side]`.
struct LowRankMatrix {
    /// `[outputs, rank]`, with a core `[rank, outputs]`.
    let a: Tensor
    /// `[rank, inputs]`, with a core `[rank, channels]`.
    let b: Tensor
    let core: Tensor?

    /// The factors as plain matrices, `[outputs, rank]` and `[rank, inputs]`.
    func factors() -> (left: [Float], right: [Float]) {
        guard let core else { return (Array(a.buffer), Array(b.buffer)) }
        let rank = a.rows, outputs = a.rowWidth, channels = b.rowWidth
        let kernel = core.rowWidth / rank
        var left = [Float](repeating: 0, count: a.count)
        for i in 0..<rank {
            for output in 0..<outputs { left[output * rank + i] = a.pointer[i * outputs + output] }
        }
        var right = [Float](repeating: 0, count: rank * channels * kernel)
        for i in 0..<rank {
            for j in 0..<rank {
                for channel in 0..<channels {
                    let factor = b.pointer[j * channels + channel]
                    for k in 0..<kernel {
                        right[(i * channels + channel) * kernel + k] +=
                            core.pointer[(i * rank + j) * kernel + k] * factor
                    }
                }
            }
        }
        return (left, right)
    }
}

private struct LoHaChange: WeightChange {
    let rank: Int?
    let inputs: Int
    let scale: Float
    let first: LowRankMatrix
    let second: LowRankMatrix

    func rowMerge() -> RowMerge {
        let products = [first, second].map { $0.factors() }
        return { rows, block in
            let count = rows.count * inputs
            let values = products.map { left, right in
                FloatMatrix.product(left, right, rows: rows, inner: right.count / inputs, columns: inputs)
            }
            for index in 0..<count { block[index] += values[0][index] * values[1][index] * scale }
        }
    }
}
