/// The properties of an adapter, as far as its own files contain them.
public struct AdapterSummary: Equatable, Sendable {
    /// Modules with a delta, such as `attention.attention.query`, and the layers in which they have one;
    /// none for a module outside the layers.
    public var targets: [String: [Int]]
    /// Smallest and largest rank; `nil` without deltas.
    public var ranks: ClosedRange<Int>?
    /// `lora_alpha`, before patterns.
    public var alpha: Double
    /// Smallest and largest factor before B A, patterns included.
    public var scales: ClosedRange<Float>?
    public var isRankStabilised: Bool
    /// DoRA.
    public var isWeightDecomposed: Bool
    /// Tensors that replace the base's: a head, biases, position embeddings.
    public var wholeTensors: [String]
    /// `base_model_name_or_path` of the adapter's configuration.
    public var baseName: String?
    /// Its revision on the Hugging Face hub.
    public var baseRevision: String?
    /// The SHA-256 of the base's weights, as the adapter states it.
    public var baseDigests: [BaseDigest]
    /// Version of PEFT that wrote the adapter.
    public var writtenBy: String?
    public var elementTypes: [String]
    /// Bytes of private memory of the matrices that a delta changes, in fp32.
    public var mergedBytes: Int
    /// The same where int8 packs the layers' matrices; `nil` without int8.
    public var packedBytes: Int?
    /// Rows of the adapter's own classifier; `nil` when it has none.
    public var classes: Int?
    /// By class index; `nil` when the adapter has no labels of its own.
    public var labels: [String]?
    public var hasOwnFrontEnd: Bool
}

extension LoRAAdapter {
    /// - Throws: ``ModelError``: factors of different ranks.
    public func summary() throws(ModelError) -> AdapterSummary {
        var targets: [String: [Int]] = [:]
        let gemm = QuantizedGEMM(.int8)
        var packedBytes = 0
        var ranks: ClosedRange<Int>?
        var scales: ClosedRange<Float>?
        var mergedBytes = 0
        for (module, delta) in deltas {
            guard let a = delta.a.flatMap(file.shape(of:)), let b = delta.b.flatMap(file.shape(of:)),
                let rank = a.first, rank > 0, b.count >= 2, b[1] == rank
            else {
                throw .malformed(
                    path: file.path, problem: "the factors of \(delta.module) have different ranks")
            }
            targets[CheckpointNames.withoutLayer(module), default: []] +=
                CheckpointNames.layerIndex(module)
                .map { [$0] } ?? []
            let inputs = a.dropFirst().reduce(1, *)
            mergedBytes += MemoryLayout<Float>.size * b[0] * inputs
            if let gemm, CheckpointNames.isInLayer(module) {
                packedBytes += PackedMatrix.byteCount(outputs: b[0], inputs: inputs, gemm)
            } else {
                packedBytes += MemoryLayout<Float>.size * b[0] * inputs
            }
            let scale = try config.scale(module: delta.module, rank: rank)
            ranks = min(rank, ranks?.lowerBound ?? rank)...max(rank, ranks?.upperBound ?? rank)
            scales = min(scale, scales?.lowerBound ?? scale)...max(scale, scales?.upperBound ?? scale)
        }
        return AdapterSummary(
            targets: targets, ranks: ranks, alpha: config.alpha, scales: scales,
            isRankStabilised: config.isRankStabilised, isWeightDecomposed: config.isWeightDecomposed,
            wholeTensors: whole.keys.sorted(), baseName: config.baseName, baseRevision: config.baseRevision,
            baseDigests: baseDigests, writtenBy: config.writtenBy, elementTypes: file.elementTypeNames,
            mergedBytes: mergedBytes, packedBytes: gemm == nil ? nil : packedBytes,
            classes: whole["classifier.dense.weight"].flatMap(file.shape(of:))?.first,
            labels: try overlay?.labelsInOrder(path: directory + "/config.json"),
            hasOwnFrontEnd: ownFeatures != nil)
    }
}
