/// The configuration of a model: dimensions, labels, the meaning of its scores, and its input features.
public struct ModelConfig: Equatable, Sendable {
    /// `problem_type` of `config.json`: the meaning of the scores.
    public enum ProblemType: String, Sendable {
        /// Any number of labels at a time: sigmoid.
        case multiLabel = "multi_label_classification"
        /// Exactly one label at a time: softmax.
        case singleLabel = "single_label_classification"
    }

    /// The tokens that the classifier reads.
    public enum Pooling: String, CaseIterable, Sendable {
        /// The mean of the cls and the distillation token (transformers).
        case clsDistillationMean = "cls_dist_mean"
        case cls
        /// The mean of all tokens.
        case mean
        /// The mean of the prompts.
        case prompts
        /// The mean of the patches.
        case speech
        /// The mean of the prompts and the patches.
        case promptsAndSpeech = "prompts_speech"

        /// Whether the tokens are there.
        func exists(with prompts: Int) -> Bool {
            switch self {
            case .cls, .mean: true
            case .clsDistillationMean: prompts == 0
            case .prompts, .speech, .promptsAndSpeech: prompts > 0
            }
        }
    }

    public var dimensions: ModelDimensions
    /// By class index.
    public var labels: [String]
    /// Whether `id2label` names the labels; otherwise they are `LABEL_0`, `LABEL_1`, ...
    public var hasNamedLabels: Bool
    /// `nil` when `config.json` has none.
    public var problemType: ProblemType?
    public var pooling: Pooling
    /// Whether the head has a LayerNorm before its dense layer (the PETL code has none).
    public var normalisesPooled: Bool
    public var classifierLayerNormEpsilon: Float
    public var features: FeatureSettings
    /// The method of an adapter that changes what the network computes, rather than its weights; `nil`
    /// without such an adapter.
    public let petl: PETLConfig?

    /// - Parameter petl: An adapter of PETL_AST, and what it adds to a network of these dimensions.
    init(
        _ fields: ConfigFields, classes: Int, features: FeatureSettings, path: String,
        petl: (config: PETLConfig, tensors: PETLTensors)? = nil
    ) throws(ModelError) {
        try Self.checkKind(fields, path: path)
        var dimensions = try ModelDimensions(fields, path: path)
        dimensions.prompts = petl?.tensors.prompts ?? 0
        dimensions.prefixes = petl?.tensors.prefixes ?? 0
        self.dimensions = dimensions
        self.petl = petl?.config
        labels = try Self.labels(fields, classes: classes, path: path)
        hasNamedLabels = fields.id2label != nil
        problemType = try fields.problemType.map { text throws(ModelError) in
            guard let type = ProblemType(rawValue: text) else {
                throw .unsupported(
                    path: path, key: "problem_type", found: text,
                    wanted: "single_label_classification, multi_label_classification")
            }
            // As in transformers: the only score of a softmax is always 1.
            guard type == .multiLabel || classes > 1 else {
                throw .unsupported(
                    path: path, key: "problem_type", found: "\(text) with one label",
                    wanted: "multi_label_classification (sigmoid)")
            }
            return type
        }
        let pooling = fields.pooling ?? Pooling.clsDistillationMean.rawValue
        let present = Pooling.allCases.filter { $0.exists(with: dimensions.prompts) }
        guard let known = present.first(where: { $0.rawValue == pooling }) else {
            throw .unsupported(
                path: path, key: "pooling", found: fields.pooling ?? "absent, which means \(pooling)",
                wanted: present.map(\.rawValue).joined(separator: ", ")
                    + (dimensions.prompts > 0 ? " (prompts replace the distillation token)" : ""))
        }
        self.pooling = known
        normalisesPooled = fields.classifierLayerNorm ?? true
        classifierLayerNormEpsilon =
            fields.classifierLayerNormEps.map { Float($0) } ?? dimensions.layerNormEpsilon
        guard classifierLayerNormEpsilon >= 0, classifierLayerNormEpsilon < 1 else {
            throw .unsupported(
                path: path, key: "classifier_layer_norm_eps", found: "\(classifierLayerNormEpsilon)",
                wanted: "0 to 1")
        }
        self.features = features
    }

    /// Checks that the configuration is one of an AST that is not quantised.
    static func checkKind(_ fields: ConfigFields, path: String) throws(ModelError) {
        let kind = "audio-spectrogram-transformer"
        guard fields.modelType ?? kind == kind else {
            throw .unsupported(path: path, key: "model_type", found: fields.modelType ?? "", wanted: kind)
        }
        if let method = fields.quantization {
            throw .unsupported(
                path: path, key: "quantization_config", found: method,
                wanted:
                    "weights that are not quantised: save model.dequantize(), or take the model before it was "
                    + "quantised (astd has --precision int8)")
        }
        guard fields.hiddenAct ?? "gelu" == "gelu" else {
            throw .unsupported(path: path, key: "hidden_act", found: fields.hiddenAct ?? "", wanted: "gelu")
        }
    }

    /// `LABEL_0`, `LABEL_1`, ... when `config.json` has none, as in transformers.
    private static func labels(
        _ fields: ConfigFields, classes: Int, path: String
    ) throws(ModelError) -> [String] {
        if let declared = fields.numLabels, declared != classes {
            throw .unsupported(
                path: path, key: "num_labels", found: "\(declared)",
                wanted: "\(classes), the rows of the classifier")
        }
        guard let labels = try fields.labelsInOrder(path: path) else {
            return (0..<classes).map { "LABEL_\($0)" }
        }
        guard labels.count == classes else {
            throw .unsupported(
                path: path, key: "number of labels in id2label", found: "\(labels.count)",
                wanted: "\(classes), the rows of the classifier")
        }
        return labels
    }
}

extension ConfigFields {
    /// `id2label` as a list; `nil` when there is none.
    func labelsInOrder(path: String) throws(ModelError) -> [String]? {
        guard let id2label else { return nil }
        var labels: [String] = []
        for index in 0..<id2label.count {
            guard let label = id2label["\(index)"] else {
                throw .malformed(path: path, problem: "id2label has no entry \(index)")
            }
            labels.append(label)
        }
        return labels
    }
}
