/// Merges an adapter into a base: W' = W + s B A in fp32, in private memory; the base's pages are not
/// changed.
///
/// DoRA (Liu et al.: "DoRA: Weight-Decomposed Low-Rank Adaptation", 2024, arXiv:2402.09353):
/// W' = m (W + s B A) / |W + s B A|, row by row. Every other kind of LoRA that PEFT saves uses the first
/// formula with another scale, or adds a bias.
struct Merge {
    private(set) var weights: Weights
    private(set) var report: MergeReport
    /// The layers' merged matrices, apart from the others: in int8 and bf16 these pages are freed once they
    /// are packed.
    private let layerPages: PrivatePages
    private let otherPages: PrivatePages
    private let path: String
    private let kernels = Kernels()

    /// - Parameter precision: Arithmetic of the network; `nil`: the checkpoint's.
    /// - Throws: ``ModelError``: those of ``MergePlan``, and not finite.
    init(
        _ adapter: LoRAAdapter, into checkpoint: Checkpoint, precision: Precision? = nil
    ) throws(ModelError) {
        SGEMM.prepare()
        let plan = try MergePlan(adapter, for: checkpoint, precision: precision)
        path = adapter.file.path
        weights = plan.weights
        report = MergeReport(replacedTensors: plan.replacedTensors)
        let matrices = plan.deltas.filter { CheckpointNames.isInLayer($0.module) }.map(\.weight.count)
        let others = plan.deltas.filter { !CheckpointNames.isInLayer($0.module) }.map(\.weight.count)
        let biases = plan.deltas.filter { $0.bias != nil }.map(\.rows)
        layerPages = try PrivatePages(floatCounts: matrices, for: path)
        otherPages = try PrivatePages(floatCounts: others + biases, for: path)
        weights.retain(layerPages, adapterPath: path)
        weights.retain(otherPages, adapterPath: path)
        for delta in plan.deltas { try apply(delta) }
        layerPages.makeReadOnly()
        otherPages.makeReadOnly()
    }

    /// Frees the layers' fp32 matrices. Call it when the network has packed them.
    func releaseLayers() { layerPages.release() }

    private mutating func apply(_ delta: MergePlan.Delta) throws(ModelError) {
        let isInLayer = CheckpointNames.isInLayer(delta.module)
        let pages = isInLayer ? layerPages : otherPages
        let merged = Tensor(pointer: pages.allocate(delta.weight.count), shape: delta.weight.shape)
        try merge(delta, into: merged)
        weights.replace(delta.module + ".weight", with: merged)
        report.matrices += 1
        if isInLayer, let gemm = QuantizedGEMM(weights.precision) {
            report.changedBytes += PackedMatrix.byteCount(
                outputs: delta.rows, inputs: merged.rowWidth, gemm)
        } else {
            report.changedBytes += merged.count * MemoryLayout<Float>.size
        }
        let ranks = report.ranks ?? delta.rank...delta.rank
        report.ranks = min(delta.rank, ranks.lowerBound)...max(delta.rank, ranks.upperBound)
        if let bias = delta.bias { try add(bias, delta) }
    }

    /// Rows that stay in a core's cache from the copy to the last check.
    private static let blockRows = 64

    private func merge(_ delta: MergePlan.Delta, into merged: Tensor) throws(ModelError) {
        let width = delta.weight.rowWidth
        for first in stride(from: 0, to: delta.rows, by: Self.blockRows) {
            let rows = min(Self.blockRows, delta.rows - first)
            let block = merged.pointer + first * width
            block.update(from: delta.weight.pointer + first * width, count: rows * width)
            SGEMM.multiply(
                rows: rows, columns: width, inner: delta.rank, alpha: delta.scale,
                delta.b.pointer + first * delta.rank, stride: delta.rank, delta.a.pointer, stride: width,
                beta: 1, block, stride: width)
            if let magnitude = delta.magnitude {
                normalise(block, rows: rows, width: width, to: magnitude.pointer + first)
            }
            guard kernels.allFinite(block, count: rows * width) else {
                throw .notFinite(path: path, tensor: "\(delta.module) after merging")
            }
        }
    }

    /// DoRA: scales each row to the length given by its magnitude.
    private func normalise(
        _ block: UnsafeMutablePointer<Float>, rows: Int, width: Int, to magnitudes: UnsafePointer<Float>
    ) {
        for row in 0..<rows {
            let values = block + row * width
            var squares = 0.0
            for index in 0..<width { squares += Double(values[index]) * Double(values[index]) }
            let factor = magnitudes[row] / Float(squares.squareRoot())
            for index in 0..<width { values[index] *= factor }
        }
    }

    /// b' = b + s bias(B); a module without a bias gets one.
    private mutating func add(_ bias: Tensor, _ delta: MergePlan.Delta) throws(ModelError) {
        let name = delta.module + ".bias"
        let sum = Tensor(pointer: otherPages.allocate(delta.rows), shape: [delta.rows])
        if weights.contains(name) {
            sum.pointer.update(from: try weights.tensor(name, [delta.rows]).pointer, count: delta.rows)
        }
        for row in 0..<delta.rows { sum.pointer[row] += delta.scale * bias.pointer[row] }
        guard kernels.allFinite(sum.pointer, count: delta.rows) else {
            throw .notFinite(path: path, tensor: "\(name) after merging")
        }
        weights.replace(name, with: sum)
        report.changedBytes += delta.rows * MemoryLayout<Float>.size
    }
}
