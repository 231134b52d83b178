/// The arithmetic of the matrix products with weights; everything else is fp32.
public enum Precision: String, CaseIterable, Sendable {
    case fp32
    /// 8-bit weights with a scale for each output, 8-bit activations with a scale and an offset for each token.
    case int8

    /// Whether this processor has instructions that make it worth while.
    public var isFast: Bool { self == .fp32 || Int8Kernels.forThisProcessor.name != "baseline" }
}
