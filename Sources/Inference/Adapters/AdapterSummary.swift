/// The properties of an adapter, as far as its own files contain them.
public struct AdapterSummary: Equatable, Sendable {
    /// The method for people: `LoRA`, `DoRA, rank-stabilised`, `IA3`.
    public var method: String
    /// `peft_type`.
    public var peftType: String
    /// Modules that the method changes, such as `attention.attention.query`, and the layers in which it does;
    /// none for a module outside the layers.
    public var targets: [String: [Int]]
    /// Smallest and largest rank; `nil` without factors.
    public var ranks: ClosedRange<Int>?
    /// LoRA's `lora_alpha`, before patterns.
    public var alpha: Double?
    /// Smallest and largest factor before the product of the factors, patterns included.
    public var scales: ClosedRange<Float>?
    /// LoRA's `use_rslora`.
    public var isRankStabilised: Bool
    /// DoRA.
    public var isWeightDecomposed: Bool
    /// The modules that it adds to the layers; `nil` without.
    public var modules: ModuleSummary?
    /// Tensors that replace the base's: a head, biases, position embeddings.
    public var wholeTensors: [String]
    /// Tensors that the base does not have (PETL_AST), such as `attention.attention.key_tokens [1, 12, 768]`,
    /// and the layers in which they are; none for a tensor outside the layers.
    public var addedTensors: [String: [Int]]
    /// Bytes of these tensors in fp32.
    public var addedBytes: Int
    /// `base_model_name_or_path` of the adapter's configuration.
    public var baseName: String?
    /// Its revision on the Hugging Face hub.
    public var baseRevision: String?
    /// The SHA-256 of the base's weights, as the adapter states it.
    public var baseDigests: [BaseDigest]
    /// Version of PEFT that wrote the adapter.
    public var writtenBy: String?
    public var elementTypes: [String]
    /// Bytes of what the adapter needs in memory beside the base, in fp32: the matrices and biases that the
    /// method changes, and the tensors that it adds or replaces; `nil` if neither the tensors nor a base
    /// state the matrices' shapes.
    public var mergedBytes: Int?
    /// The same where int8 packs the layers' matrices; `nil` without int8.
    public var packedBytes: Int?
    /// Rows of the adapter's own classifier; `nil` when it has none.
    public var classes: Int?
    /// By class index; `nil` when the adapter has no labels of its own.
    public var labels: [String]?
    public var hasOwnFrontEnd: Bool
}

extension Adapter {
    /// - Parameter base: The base whose matrices it changes.
    /// - Throws: ``ModelError``: factors of different ranks.
    public func summary(on base: BaseModel? = nil) throws(ModelError) -> AdapterSummary {
        let method = config.method
        var targets: [String: [Int]] = [:]
        var ranks: ClosedRange<Int>?
        var scales: ClosedRange<Float>?
        for module in modulesInOrder {
            targets[CheckpointNames.withoutLayer(module.name), default: []] +=
                CheckpointNames.layerIndex(module.name).map { [$0] } ?? []
            let sizes = try method.sizes(of: module, in: self)
            if let rank = sizes.rank {
                ranks = min(rank, ranks?.lowerBound ?? rank)...max(rank, ranks?.upperBound ?? rank)
            }
            if let scale = sizes.scale {
                scales = min(scale, scales?.lowerBound ?? scale)...max(scale, scales?.upperBound ?? scale)
            }
        }
        let bytes = mergedBytes(on: base)
        let lora = method as? LoRA
        let added = config.petl == nil ? [] : whole.keys.filter(PETLConfig.isOwn).sorted()
        var addedTensors: [String: [Int]] = [:]
        var addedBytes = 0
        for name in added {
            let shape = whole[name].flatMap(file.shape(of:)) ?? []
            addedBytes += MemoryLayout<Float>.size * shape.reduce(1, *)
            addedTensors["\(CheckpointNames.withoutLayer(name)) \(shape)", default: []] +=
                CheckpointNames.layerIndex(name).map { [$0] } ?? []
        }
        return AdapterSummary(
            method: method.title, peftType: type(of: method).peftType, targets: targets, ranks: ranks,
            alpha: lora?.alpha, scales: scales, isRankStabilised: lora?.isRankStabilised ?? false,
            isWeightDecomposed: lora?.isWeightDecomposed ?? false,
            modules: modulesInLayers, wholeTensors: whole.keys.filter { !added.contains($0) }.sorted(),
            addedTensors: addedTensors, addedBytes: addedBytes, baseName: config.baseName,
            baseRevision: config.baseRevision,
            baseDigests: baseDigests, writtenBy: config.writtenBy, elementTypes: file.elementTypeNames,
            mergedBytes: bytes?.merged, packedBytes: bytes?.packed,
            classes: whole["classifier.dense.weight"].flatMap(file.shape(of:))?.first,
            labels: try overlay?.labelsInOrder(path: directory + "/config.json"),
            hasOwnFrontEnd: ownFeatures != nil)
    }

    /// The modules that the adapter adds to the layers, as far as its file states them.
    private var modulesInLayers: ModuleSummary? {
        guard let method = config.petl?.method, let plan = AdapterPlan(method) else { return nil }
        return ModuleSummary(plan) { name in self.whole[name].flatMap(self.file.shape(of:)) }
    }

    /// The memory that the adapter needs beside the base.
    private func mergedBytes(on base: BaseModel?) -> (merged: Int, packed: Int?)? {
        let gemm = QuantizedGEMM(.int8)
        func bytes(_ names: some Sequence<String>) -> Int {
            names.reduce(0) {
                $0 + MemoryLayout<Float>.size * (file.shape(of: $1) ?? []).reduce(1, *)
            }
        }
        // Added and replaced tensors stay in fp32.
        var merged = bytes(whole.values)
        var packed = merged
        for module in modulesInOrder {
            guard type(of: config.method).changesWeights else {
                // A vector as long as the bias that it changes.
                let vectors = bytes(module.names.values)
                (merged, packed) = (merged + vectors, packed + vectors)
                continue
            }
            guard let (outputs, inputs) = matrix(of: module, on: base) else { return nil }
            let floats = MemoryLayout<Float>.size * outputs * inputs
            merged += floats
            if let gemm, CheckpointNames.isInLayer(module.name) {
                packed += PackedMatrix.byteCount(outputs: outputs, inputs: inputs, gemm)
            } else {
                packed += floats
            }
        }
        return (merged, gemm == nil ? nil : packed)
    }

    private func matrix(of module: ModuleTensors, on base: BaseModel?) -> (outputs: Int, inputs: Int)? {
        if let shape = base?.checkpoint.shape(of: module.name + ".weight"), let outputs = shape.first {
            return (outputs, shape.dropFirst().reduce(1, *))
        }
        guard let a = module.names["lora_A.weight"].flatMap(file.shape(of:)),
            let outputs = module.names["lora_B.weight"].flatMap(file.shape(of:))?.first
        else { return nil }
        return (outputs, a.dropFirst().reduce(1, *))
    }
}
