public import Detection
public import Inference

/// A base model, and the wish of its user how scores are read: all that a variant needs besides its adapter.
public struct VariantMaker: Sendable {
    public let base: BaseModel
    private let activation: Activation?

    /// - Parameter activation: `nil`: what the model or the adapter says.
    public init(base: BaseModel, activation: Activation?) {
        self.base = base
        self.activation = activation
    }

    /// The model as it was published.
    public var baseVariant: Variant { Variant(of: base, activation: activation) }

    /// - Throws: ``ModelError``: the adapter does not fit the base.
    public func variant(_ adapter: LoRAAdapter, named name: String) throws(ModelError) -> Variant {
        try Variant(of: base, with: adapter, named: name, activation: activation)
    }
}
