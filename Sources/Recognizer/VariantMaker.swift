public import Detection
public import Inference

/// Makes variants of one base model.
public struct VariantMaker: Sendable {
    public let base: BaseModel
    private let activation: Activation?
    private let groups: [LabelGroup]

    /// - Parameters:
    ///   - activation: `nil`: as the model's or the adapter's configuration says.
    ///   - groups: Of labels; each variant has those of which it has a member.
    public init(base: BaseModel, activation: Activation?, groups: [LabelGroup] = []) {
        self.base = base
        self.activation = activation
        self.groups = groups
    }

    /// The base model without an adapter.
    public var baseVariant: Variant { Variant(of: base, activation: activation, groups: groups) }

    /// - Throws: ``ModelError``: the adapter does not fit the base.
    public func variant(_ adapter: Adapter, named name: String) throws(ModelError) -> Variant {
        try Variant(of: base, with: adapter, named: name, activation: activation, groups: groups)
    }
}
