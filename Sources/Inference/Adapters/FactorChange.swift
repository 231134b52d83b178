/// W' = W + s B A, with factors `[outputs, rank]` and `[rank, inputs]` that are computed when the module is
/// merged.
///
/// SAFETY: tensors that `factors` keeps belong to the adapter, which `Weights` keeps alive.
struct FactorChange: WeightChange {
    let rank: Int?
    let inputs: Int
    let scale: Float
    let factors: () throws(ModelError) -> (b: [Float], a: [Float])

    init(
        rank: Int?, inputs: Int, scale: Float,
        factors: @escaping () throws(ModelError) -> (b: [Float], a: [Float])
    ) {
        self.rank = rank
        self.inputs = inputs
        self.scale = scale
        self.factors = factors
    }

    func rowMerge() throws(ModelError) -> RowMerge {
        let (b, a) = try factors()
        let inner = a.count / inputs
        return { rows, block in
            guard inner > 0 else { return }
            b.withUnsafeBufferPointer { b in
                a.withUnsafeBufferPointer { a in
                    guard let b = b.baseAddress, let a = a.baseAddress else { return }
                    SGEMM.multiply(
                        rows: rows.count, columns: inputs, inner: inner, alpha: scale,
                        b + rows.lowerBound * inner, stride: inner, a, stride: inputs,
                        beta: 1, block, stride: inputs)
                }
            }
        }
    }
}

/// Changes each row of a weight on its own, or needs no common preparation.
struct RowChange: WeightChange {
    var rank: Int?
    let merge: RowMerge

    func rowMerge() -> RowMerge { merge }
}
