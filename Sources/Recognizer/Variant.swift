public import Detection
public import Frontend
public import Inference

/// The base model, or the base model with one adapter merged in, with its front end and its activation.
public struct Variant: Sendable {
    /// The adapter's name; `nil` for the base model.
    public let adapter: String?
    public let network: AST
    public let activation: ActivationChoice
    public let frontend: FrontendConfig

    /// The network's labels with the groups of the settings.
    public let grouped: GroupedLabels

    /// By class index; groups follow the classes.
    public var labels: [String] { grouped.labels }

    /// The number of the network's own labels, without groups.
    public var classes: Int { network.config.labels.count }

    /// In one line: the number of labels without groups, the activation and the reason for it.
    public var summary: String {
        "\(classes) label\(classes == 1 ? "" : "s"), scores by \(activation.text)"
    }

    public var windowSeconds: Double {
        Double(frontend.windowFrames * FrontendConfig.frameShiftSamples) / Double(FrontendConfig.sampleRateHz)
    }

    /// What its user should know, each a sentence that names the adapter: another precision than requested,
    /// missing labels.
    public var warnings: [String] {
        let subject = adapter.map { "adapter \($0)" } ?? "the model"
        let all = (network.fallback.map { [$0.message] } ?? []) + (network.merged?.warnings ?? [])
        return all.map { "\(subject): \($0)" }
    }

    /// - Parameter activation: `nil`: as the model's configuration says.
    init(of base: BaseModel, activation: Activation?, groups: [LabelGroup] = []) {
        self.init(base.network, adapter: nil, activation, groups)
    }

    /// Merges `adapter` into a copy of the matrices that it changes.
    ///
    /// - Throws: ``ModelError``: the adapter does not fit the base.
    init(
        of base: BaseModel, with adapter: Adapter, named name: String, activation: Activation?,
        groups: [LabelGroup]
    ) throws(ModelError) {
        self.init(try base.adapted(by: adapter), adapter: name, activation, groups)
    }

    private init(_ network: AST, adapter: String?, _ activation: Activation?, _ groups: [LabelGroup]) {
        self.adapter = adapter
        self.network = network
        let config = network.config
        self.activation = ActivationChoice(
            requested: activation, multiLabel: config.problemType.map { $0 == .multiLabel },
            labels: config.labels)
        frontend = FrontendConfig(config.features)
        grouped = GroupedLabels(config.labels, groups: groups)
    }
}

extension FrontendConfig {
    /// The front end that a model was trained with.
    public init(_ settings: FeatureSettings) {
        self.init(
            melBins: settings.melBins, windowFrames: settings.frames,
            normalisation: settings.normalises
                ? .init(mean: Double(settings.mean), standardDeviation: Double(settings.standardDeviation))
                : nil)
    }
}
