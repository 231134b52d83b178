/// What merging an adapter did.
public struct MergeReport: Equatable, Sendable {
    /// Weight matrices that a LoRA delta changed.
    public var matrices: Int
    /// Bytes of those matrices: file pages that are private memory now.
    public var changedBytes: Int
    /// Tensors that the adapter brought whole (a new head).
    public var replacedTensors: Int
    /// Smallest and largest rank.
    public var ranks: ClosedRange<Int>?
}

/// A PEFT LoRA adapter: a directory with `adapter_config.json` and `adapter_model.safetensors`, and a
/// `config.json` when it has labels or a geometry of its own.
///
/// Hu et al.: "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685): W' = W + s B A.
struct LoRAAdapter {
    /// The adapter's own `config.json`, which goes before the base's.
    let overlay: ConfigFields?
    private let config: AdapterConfig
    private let file: SafetensorsFile
    private var factors: [String: Factors] = [:]
    /// File name of a tensor that is stored whole, by its canonical name.
    private var whole: [String: String] = [:]

    /// The two factors of one module's delta.
    private struct Factors {
        /// The module's path in the adapter's own generation of names: patterns are written for it.
        var module: String
        /// File names of A `[rank, inputs]` and B `[outputs, rank]`.
        var a: String?
        var b: String?
    }

    private static let prefix = "base_model.model."

    /// - Throws: ``ModelError``: unreadable, malformed, unsupported, a tensor that is no LoRA factor.
    init(directory: String) throws(ModelError) {
        config = try AdapterConfig(path: directory + "/adapter_config.json")
        file = try SafetensorsFile(path: directory + "/adapter_model.safetensors")
        let overlayPath = directory + "/config.json"
        overlay =
            ConfigFile.exists(path: overlayPath)
            ? try ConfigFile.decode(ConfigFields.self, path: overlayPath) : nil
        for name in file.names.sorted() { try sort(name) }
    }

    var replacesHead: Bool { whole["classifier.dense.weight"] != nil }

    private mutating func sort(_ name: String) throws(ModelError) {
        guard name.hasPrefix(Self.prefix) else { throw .unmatchedTensor(path: file.path, tensor: name) }
        let inner = String(name.dropFirst(Self.prefix.count))
        for (suffix, isA) in [(".lora_A.weight", true), (".lora_B.weight", false)]
        where inner.hasSuffix(suffix) {
            let module = String(inner.dropLast(suffix.count))
            let key = CheckpointNames.canonical(module)
            var pair = factors[key] ?? Factors(module: module)
            guard (isA ? pair.a : pair.b) == nil else {
                throw .malformed(
                    path: file.path, problem: "names the factors of \(key) in both generations of names")
            }
            if isA { pair.a = name } else { pair.b = name }
            factors[key] = pair
            return
        }
        whole[CheckpointNames.canonical(inner)] = name
    }

    /// Adds every delta to the checkpoint's weights in place and puts the whole tensors in theirs.
    ///
    /// - Parameter base: The base's `config.json`, to see whether new labels come without a new head.
    /// - Throws: ``ModelError``: unmatched, shape, not finite, unsupported, malformed.
    func merge(into checkpoint: Checkpoint, base: ConfigFields) throws(ModelError) -> MergeReport {
        if let labels = overlay?.id2label, labels != base.id2label, !replacesHead {
            throw .unsupported(
                path: file.path, key: "head", found: "absent, though config.json beside it has other labels",
                wanted: "classifier.dense in modules_to_save")
        }
        var report = MergeReport(matrices: 0, changedBytes: 0, replacedTensors: 0, ranks: nil)
        for (name, fileName) in whole.sorted(by: { $0.key < $1.key }) {
            try replace(name, fileName, in: checkpoint)
            report.replacedTensors += 1
        }
        for (module, pair) in factors.sorted(by: { $0.key < $1.key }) {
            let (bytes, rank) = try add(pair, to: module, in: checkpoint)
            report.matrices += 1
            report.changedBytes += bytes
            report.ranks =
                min(rank, report.ranks?.lowerBound ?? rank)...max(rank, report.ranks?.upperBound ?? rank)
        }
        return report
    }

    private func replace(_ name: String, _ fileName: String, in checkpoint: Checkpoint) throws(ModelError) {
        guard checkpoint.shape(of: name) != nil, let tensor = file.tensor(fileName) else {
            throw .unmatchedTensor(path: file.path, tensor: fileName)
        }
        guard Kernels().allFinite(tensor.pointer, count: tensor.count) else {
            throw .notFinite(path: file.path, tensor: fileName)
        }
        checkpoint.replace(name, with: tensor, from: file)
    }

    /// W += s B A, in fp32.
    private func add(
        _ pair: Factors, to module: String, in checkpoint: Checkpoint
    ) throws(ModelError) -> (bytes: Int, rank: Int) {
        guard let aName = pair.a, let bName = pair.b, let a = file.tensor(aName), let b = file.tensor(bName)
        else {
            throw .malformed(path: file.path, problem: "has only one of the two factors of \(module)")
        }
        guard let shape = checkpoint.shape(of: module + ".weight"), shape.count == 2 else {
            throw .unmatchedTensor(path: file.path, tensor: aName)
        }
        guard a.shape.count == 2, let rank = a.shape.first, rank > 0, a.shape == [rank, shape[1]] else {
            throw .shape(
                path: file.path, tensor: aName, expected: [b.shape.last ?? 0, shape[1]], found: a.shape)
        }
        guard b.shape == [shape[0], rank] else {
            throw .shape(path: file.path, tensor: bName, expected: [shape[0], rank], found: b.shape)
        }
        let weight = try checkpoint.tensor(module + ".weight", shape)
        Products.multiply(
            rows: shape[0], columns: shape[1], inner: rank,
            alpha: try config.scale(module: pair.module, rank: rank),
            b.pointer, stride: rank, a.pointer, stride: shape[1],
            beta: 1, weight.pointer, stride: shape[1])
        guard Kernels().allFinite(weight.pointer, count: weight.count) else {
            throw .notFinite(path: file.path, tensor: "\(module) after merging")
        }
        return (weight.count * MemoryLayout<Float>.size, rank)
    }
}
