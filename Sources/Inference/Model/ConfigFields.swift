internal import TextSupport

/// The fields of `config.json`; each may be absent. Absent fields have transformers' defaults, because
/// transformers omits default values when it saves a model.
struct ConfigFields {
    var modelType: String?
    var hiddenSize: Int?
    var numHiddenLayers: Int?
    var numAttentionHeads: Int?
    var intermediateSize: Int?
    var hiddenAct: String?
    var layerNormEps: Double?
    var patchSize: PatchSize?
    var qkvBias: Bool?
    var frequencyStride: Int?
    var timeStride: Int?
    var maxLength: Int?
    var numMelBins: Int?
    var id2label: [String: String]?
    var numLabels: Int?
    /// `quantization_config`: the method, where the weights are quantised.
    var quantization: String?
    var problemType: String?
    var pooling: String?
    /// Whether the head has a LayerNorm before its dense layer.
    var classifierLayerNorm: Bool?
    /// Of that LayerNorm, where it differs from `layer_norm_eps`.
    var classifierLayerNormEps: Double?

    enum Key: String {
        case modelType = "model_type"
        case hiddenSize = "hidden_size"
        case numHiddenLayers = "num_hidden_layers"
        case numAttentionHeads = "num_attention_heads"
        case intermediateSize = "intermediate_size"
        case hiddenAct = "hidden_act"
        case layerNormEps = "layer_norm_eps"
        case patchSize = "patch_size"
        case qkvBias = "qkv_bias"
        case frequencyStride = "frequency_stride"
        case timeStride = "time_stride"
        case maxLength = "max_length"
        case numMelBins = "num_mel_bins"
        case id2label
        case numLabels = "num_labels"
        case quantization = "quantization_config"
        case problemType = "problem_type"
        case pooling
        case classifierLayerNorm = "classifier_layernorm"
        case classifierLayerNormEps = "classifier_layer_norm_eps"
    }

    /// 16, or [16, 16].
    enum PatchSize {
        case square(Int)
        case sides([Int])

        var side: Int? {
            switch self {
            case .square(let side): side
            case .sides(let sides): sides.count == 2 && sides[0] == sides[1] ? sides[0] : nil
            }
        }
    }

    /// Returns these fields of the base, overridden by those of an adapter's own `config.json`.
    func overlaid(by overlay: ConfigFields) -> ConfigFields {
        ConfigFields(
            modelType: overlay.modelType ?? modelType,
            hiddenSize: overlay.hiddenSize ?? hiddenSize,
            numHiddenLayers: overlay.numHiddenLayers ?? numHiddenLayers,
            numAttentionHeads: overlay.numAttentionHeads ?? numAttentionHeads,
            intermediateSize: overlay.intermediateSize ?? intermediateSize,
            hiddenAct: overlay.hiddenAct ?? hiddenAct,
            layerNormEps: overlay.layerNormEps ?? layerNormEps,
            patchSize: overlay.patchSize ?? patchSize,
            qkvBias: overlay.qkvBias ?? qkvBias,
            frequencyStride: overlay.frequencyStride ?? frequencyStride,
            timeStride: overlay.timeStride ?? timeStride,
            maxLength: overlay.maxLength ?? maxLength,
            numMelBins: overlay.numMelBins ?? numMelBins,
            id2label: overlay.id2label ?? id2label,
            // The base's belongs to the base's head.
            numLabels: overlay.numLabels,
            // An adapter may have been trained on a quantised copy of the base.
            quantization: quantization,
            problemType: overlay.problemType ?? problemType,
            pooling: overlay.pooling ?? pooling,
            classifierLayerNorm: overlay.classifierLayerNorm ?? classifierLayerNorm,
            classifierLayerNormEps: overlay.classifierLayerNormEps ?? classifierLayerNormEps)
    }
}

extension ConfigFields {
    /// - Throws: ``ModelError/unsupported(path:key:found:wanted:)`` for a value of another type.
    init(_ file: ConfigFile) throws(ModelError) {
        func integer(_ key: Key) throws(ModelError) -> Int? { try file.integer(key.rawValue) }
        func string(_ key: Key) throws(ModelError) -> String? { try file.string(key.rawValue) }
        self.init(
            modelType: try string(.modelType),
            hiddenSize: try integer(.hiddenSize),
            numHiddenLayers: try integer(.numHiddenLayers),
            numAttentionHeads: try integer(.numAttentionHeads),
            intermediateSize: try integer(.intermediateSize),
            hiddenAct: try string(.hiddenAct),
            layerNormEps: try file.double(Key.layerNormEps.rawValue),
            patchSize: try file.read(Key.patchSize.rawValue, "a whole number, or a list of them") { value in
                value.wholeNumber.map { .square($0) } ?? value.array { $0.wholeNumber }.map { .sides($0) }
            },
            qkvBias: try file.bool(Key.qkvBias.rawValue),
            frequencyStride: try integer(.frequencyStride),
            timeStride: try integer(.timeStride),
            maxLength: try integer(.maxLength),
            numMelBins: try integer(.numMelBins),
            id2label: try file.members(Key.id2label.rawValue, "a string") { $0.stringValue }
                .map { labels in Dictionary(uniqueKeysWithValues: labels.map { ($0.name, $0.value) }) },
            numLabels: try integer(.numLabels),
            quantization: file.value(Key.quantization.rawValue).map(Self.quantizationMethod),
            problemType: try string(.problemType),
            pooling: try string(.pooling),
            classifierLayerNorm: try file.bool(Key.classifierLayerNorm.rawValue),
            classifierLayerNormEps: try file.double(Key.classifierLayerNormEps.rawValue))
    }

    private static func quantizationMethod(_ value: JSONValue) -> String {
        guard case .object(let object) = value else { return value.text }
        return object["quant_method"]?.stringValue ?? "set"
    }
}
