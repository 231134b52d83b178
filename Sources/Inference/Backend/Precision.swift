/// Arithmetic of the encoder layers: of their linear layers and of attention. Patch embedding, layer norms,
/// softmax and the classifier are computed in fp32.
///
/// Where a processor lacks instructions for attention in a precision, attention uses the next more precise
/// kind.
public enum Precision: String, CaseIterable, Sendable {
    case fp32
    /// bfloat16 operands, fp32 sums.
    case bf16
    /// 8-bit integer operands: weights with a scale per output, activations with a scale and a minimum per
    /// token.
    ///
    /// Attention is in 8 bits where the processor has VNNI, else in bfloat16 where it has that, else in fp32.
    /// A layer whose attention scores are expected to spread widely (``ScoreSpread``) computes queries, keys
    /// and attention in fp32.
    case int8

    /// Whether this processor has instructions that make this precision faster than fp32.
    public var isFast: Bool {
        switch self {
        case .fp32: true
        case .bf16: QuantizedGEMM(.bf16) != nil
        case .int8: QuantizedGEMM(.int8)?.name != "plain"
        }
    }
}
