/// Merges an adapter into a base: computes the changed matrices in fp32, in private memory; the base's pages
/// are not changed.
struct Merge {
    private(set) var weights: Weights
    private(set) var report: MergeReport
    /// The layers' merged matrices, apart from the others: in int8 and bf16 these pages are freed once they
    /// are packed.
    private let layerPages: PrivatePages
    private let otherPages: PrivatePages
    private let path: String
    private let kernels = Kernels()

    /// - Parameters:
    ///   - own: Tensors that the adapter adds to the base's.
    ///   - precision: Arithmetic of the network; `nil`: the checkpoint's.
    /// - Throws: ``ModelError``: those of ``MergePlan``, and not finite.
    init(
        _ adapter: Adapter, _ own: PETLTensors = .none, into checkpoint: Checkpoint,
        precision: Precision? = nil
    ) throws(ModelError) {
        SGEMM.prepare()
        let plan = try MergePlan(adapter, own, for: checkpoint, precision: precision)
        path = adapter.file.path
        weights = plan.weights
        report = MergeReport(changedBytes: plan.tensorBytes, replacedTensors: plan.replacedTensors)
        let changed = plan.changes.filter { $0.change != nil }
        let matrices = changed.filter { CheckpointNames.isInLayer($0.module) }.map(\.weight.count)
        let others = changed.filter { !CheckpointNames.isInLayer($0.module) }.map(\.weight.count)
        let biases = plan.changes.compactMap { $0.bias?.count }
        layerPages = try PrivatePages(floatCounts: matrices, for: path)
        otherPages = try PrivatePages(floatCounts: others + biases, for: path)
        weights.retain(layerPages, adapterPath: path)
        weights.retain(otherPages, adapterPath: path)
        for planned in plan.changes {
            if let change = planned.change { try apply(change, planned) }
            if let bias = planned.bias { try replaceBias(of: planned.module, with: bias) }
        }
        layerPages.makeReadOnly()
        otherPages.makeReadOnly()
    }

    /// Frees the layers' fp32 matrices. Call it when the network has packed them.
    func releaseLayers() { layerPages.release() }

    private mutating func apply(
        _ change: any WeightChange, _ planned: MergePlan.Change
    ) throws(ModelError) {
        let isInLayer = CheckpointNames.isInLayer(planned.module)
        let pages = isInLayer ? layerPages : otherPages
        let merged = Tensor(pointer: pages.allocate(planned.weight.count), shape: planned.weight.shape)
        try merge(change, planned, into: merged)
        weights.replace(planned.module + ".weight", with: merged)
        report.matrices += 1
        if isInLayer, let gemm = QuantizedGEMM(weights.precision) {
            report.changedBytes += PackedMatrix.byteCount(
                outputs: merged.rows, inputs: merged.rowWidth, gemm)
        } else {
            report.changedBytes += merged.count * MemoryLayout<Float>.size
        }
        if let rank = change.rank {
            let ranks = report.ranks ?? rank...rank
            report.ranks = min(rank, ranks.lowerBound)...max(rank, ranks.upperBound)
        }
    }

    /// Rows that stay in a core's cache from the copy to the last check.
    private static let blockRows = 64

    private func merge(
        _ change: any WeightChange, _ planned: MergePlan.Change, into merged: Tensor
    ) throws(ModelError) {
        let width = merged.rowWidth
        let mergeRows = try change.rowMerge()
        for first in stride(from: 0, to: merged.rows, by: Self.blockRows) {
            let rows = first..<min(first + Self.blockRows, merged.rows)
            let block = merged.pointer + first * width
            block.update(from: planned.weight.pointer + first * width, count: rows.count * width)
            mergeRows(rows, block)
            guard kernels.allFinite(block, count: rows.count * width) else {
                throw .notFinite(path: path, tensor: "\(planned.module) after merging")
            }
        }
    }

    private mutating func replaceBias(of module: String, with values: [Float]) throws(ModelError) {
        let bias = Tensor(pointer: otherPages.allocate(values.count), shape: [values.count])
        for (index, value) in values.enumerated() { bias.pointer[index] = value }
        guard kernels.allFinite(bias.pointer, count: bias.count) else {
            throw .notFinite(path: path, tensor: "\(module).bias after merging")
        }
        weights.replace(module + ".bias", with: bias)
        report.changedBytes += bias.count * MemoryLayout<Float>.size
    }
}
