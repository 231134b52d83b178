public import Inference

/// Makes variants of one base model.
public struct VariantMaker: Sendable {
    public let base: BaseModel
    private let activation: Activation?

    /// - Parameter activation: `nil`: as the model's or the adapter's configuration says.
    public init(base: BaseModel, activation: Activation?) {
        self.base = base
        self.activation = activation
    }

    /// The base model without an adapter.
    public var baseVariant: Variant { Variant(of: base, activation: activation) }

    /// - Throws: ``ModelError``: the adapter does not fit the base.
    public func variant(_ adapter: Adapter, named name: String) throws(ModelError) -> Variant {
        try Variant(of: base, with: adapter, named: name, activation: activation)
    }
}
