/// The sizes of one model. No other code assumes any of them.
public struct ModelDimensions: Equatable, Sendable {
    public var hidden: Int
    public var layers: Int
    public var heads: Int
    public var intermediate: Int
    /// Side of a square patch, in mel bins and in frames.
    public var patch: Int
    public var frequencyStride: Int
    public var timeStride: Int
    public var melBins: Int
    /// Frames of a window.
    public var frames: Int
    /// Frames of the windows for which the position embeddings were trained; more than ``frames`` in a
    /// network that was shortened.
    var positionFrames: Int
    public var layerNormEpsilon: Float
    public var queryKeyValueBias: Bool
    /// Trained tokens in place of the distillation token (prompt tuning); 0: none.
    public var prompts = 0
    /// Trained keys and values of every layer, beside those of the tokens (prefix tuning); 0: none.
    public var prefixes = 0

    public var headWidth: Int { hidden / heads }
    public var frequencyPatches: Int { (melBins - patch) / frequencyStride + 1 }
    public var timePatches: Int { (frames - patch) / timeStride + 1 }
    /// The leading tokens, then the patches, `[frequencyPatches, timePatches]`.
    public var tokens: Int { leadingTokens + frequencyPatches * timePatches }
    /// The cls and the distillation token, or the cls token and the prompts.
    public var leadingTokens: Int { prompts > 0 ? 1 + prompts : 2 }
    /// Rows of the position embeddings, of cls, distillation and patches; prompts have no positions.
    public var positions: Int { 2 + frequencyPatches * positionTimePatches }
    var positionTimePatches: Int { (positionFrames - patch) / timeStride + 1 }
    /// Keys of a layer's attention.
    public var keys: Int { tokens + prefixes }

    /// Largest number of tokens, and of keys.
    static let maximumTokens = 32768

    /// - Throws: ``ModelError/unsupported(path:key:found:wanted:)`` for a value that astd does not support.
    init(_ fields: ConfigFields, path: String) throws(ModelError) {
        func bounded(
            _ value: Int?, _ key: ConfigFields.Key, default standard: Int, in range: ClosedRange<Int>
        ) throws(ModelError) -> Int {
            let value = value ?? standard
            guard range.contains(value) else {
                throw .unsupported(
                    path: path, key: key.rawValue, found: "\(value)",
                    wanted: "\(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        hidden = try bounded(fields.hiddenSize, .hiddenSize, default: 768, in: 1...8192)
        layers = try bounded(fields.numHiddenLayers, .numHiddenLayers, default: 12, in: 1...256)
        heads = try bounded(fields.numAttentionHeads, .numAttentionHeads, default: 12, in: 1...hidden)
        intermediate = try bounded(fields.intermediateSize, .intermediateSize, default: 3072, in: 1...65536)
        melBins = try bounded(fields.numMelBins, .numMelBins, default: 128, in: 1...256)
        frames = try bounded(fields.maxLength, .maxLength, default: 1024, in: 1...16384)
        positionFrames = frames
        guard let side = (fields.patchSize ?? .square(16)).side, (1...min(melBins, frames)).contains(side)
        else {
            throw .unsupported(
                path: path, key: "patch_size", found: "\(fields.patchSize ?? .square(16))",
                wanted: "one side, at most num_mel_bins and max_length")
        }
        patch = side
        frequencyStride = try bounded(fields.frequencyStride, .frequencyStride, default: 10, in: 1...melBins)
        timeStride = try bounded(fields.timeStride, .timeStride, default: 10, in: 1...frames)
        queryKeyValueBias = fields.qkvBias ?? true
        layerNormEpsilon = Float(fields.layerNormEps ?? 1e-12)
        guard layerNormEpsilon >= 0, layerNormEpsilon < 1 else {
            throw .unsupported(
                path: path, key: "layer_norm_eps", found: "\(layerNormEpsilon)", wanted: "0 to 1")
        }
        guard hidden % heads == 0 else {
            throw .unsupported(
                path: path, key: "num_attention_heads", found: "\(heads)", wanted: "a divisor of \(hidden)")
        }
        guard tokens <= Self.maximumTokens else {
            throw .unsupported(
                path: path, key: "number of patches", found: "\(tokens)",
                wanted: "at most \(Self.maximumTokens)")
        }
    }
}
