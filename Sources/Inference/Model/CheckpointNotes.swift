/// Where the files of a model contradict each other and the network can be built nevertheless: what
/// transformers ignores or replaces. Each note is one line that names the file.
struct CheckpointNotes {
    private(set) var lines: [String] = []
    private let weightsName: String

    init(
        _ checkpoint: Checkpoint, _ fields: ConfigFields, _ features: FeatureSettings, _ files: ModelDirectory
    ) {
        weightsName = checkpoint.path.split(separator: "/").last.map(String.init) ?? checkpoint.path
        if weightsName == ModelDirectory.weightsName, files.has(ModelDirectory.indexName) {
            lines.append(
                "\(ModelDirectory.indexName) is not read, because there is a \(ModelDirectory.weightsName)")
        }
        let wrapped = checkpoint.namesInFiles.filter(CheckpointNames.isWrapped)
        if let example = wrapped.min() {
            let prefixes = example.split(separator: ".").filter(CheckpointNames.wrappers.contains)
            lines.append(
                "\(weightsName): left \(prefixes.map { $0 + "." }.joined()) out of the names of "
                    + "\(wrapped.count) tensors")
        }
        if fields.id2label == nil {
            lines.append("config.json has no id2label: the labels are LABEL_0, LABEL_1, ...")
        }
        let missing = ["mean", "std"].filter(features.defaultedKeys.contains)
        if features.normalises, !missing.isEmpty {
            lines.append(
                "preprocessor_config.json has no \(missing.joined(separator: " and no ")): using the default of "
                    + "ASTFeatureExtractor, which is AudioSet's")
        }
    }

    /// Makes `qkv_bias` and the weights agree as transformers does: it ignores biases that `qkv_bias`
    /// denies, and takes zeros where all of them are missing.
    mutating func adjustBiases(of checkpoint: Checkpoint, _ fields: inout ConfigFields) {
        let hasBiases = checkpoint.contains(where: CheckpointNames.isQueryKeyValueBias)
        if fields.qkvBias == false, hasBiases {
            checkpoint.ignore(where: CheckpointNames.isQueryKeyValueBias)
            lines.append(
                "\(weightsName): the biases of queries, keys and values are not used: qkv_bias is false in config.json"
            )
        } else if fields.qkvBias != false, !hasBiases {
            fields.qkvBias = false
            lines.append(
                "\(weightsName): no biases of queries, keys and values, though qkv_bias is true in config.json: "
                    + "computing without them")
        }
    }

    /// Names the tensors that the complete network does not use.
    mutating func addUnused(in checkpoint: Checkpoint, _ config: ModelConfig) {
        var layers: Set<Int> = []
        var layerTensors = 0
        var others: [String] = []
        for (canonical, name) in checkpoint.unused {
            if let layer = CheckpointNames.layerIndex(canonical), layer >= config.dimensions.layers {
                layers.insert(layer)
                layerTensors += 1
            } else if !CheckpointNames.isQueryKeyValueBias(canonical) {
                // Those biases have a note of their own.
                others.append(name)
            }
        }
        if let first = layers.min(), let last = layers.max() {
            let range = first == last ? "layer \(first) is" : "layers \(first) to \(last) are"
            lines.append(
                "\(weightsName): \(range) not used (\(layerTensors) tensors): num_hidden_layers is "
                    + "\(config.dimensions.layers) in config.json")
        }
        if !others.isEmpty {
            let shown = others.sorted().prefix(3).joined(separator: ", ")
            let more = others.count > 3 ? " and \(others.count - 3) more" : ""
            lines.append(
                "\(weightsName): \(others.count == 1 ? "a tensor is" : "tensors are") not used, because an AST has "
                    + "no such module: \(shown)\(more)")
        }
    }
}
