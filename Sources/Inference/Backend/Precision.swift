/// The arithmetic of the layers' matrix products; everything else is fp32.
public enum Precision: String, CaseIterable, Sendable {
    case fp32
    /// bfloat16 numbers, fp32 sums.
    case bf16
    /// 8-bit weights with a scale for each output, 8-bit activations with a scale and an offset for each token;
    /// attention's weights and values in bfloat16 where the processor has that, else in fp32.
    case int8

    /// Whether this processor has instructions that make it worth while.
    public var isFast: Bool {
        switch self {
        case .fp32: true
        case .bf16: QuantizedGEMM(.bf16) != nil
        case .int8: QuantizedGEMM(.int8)?.name != "plain"
        }
    }
}
