/// The trained tokens of prompt tuning. They stand between the cls token and the patches, in place of the
/// distillation token, and have no positions:
///
///     row    0    1 ... k    k + 1 ...
///           cls   prompts    patches
///
/// Jia et al.: "Visual Prompt Tuning", 2022 (arXiv:2203.12119). Deep prompt tuning has prompts of its own
/// for every layer, which replace what the layer before computed of these rows.
struct Prompts {
    /// `[1, prompts, hidden]`.
    private let first: Tensor
    /// `[layers - 1, prompts, hidden]`, for the layers after the first one; `nil` in shallow prompt tuning.
    private let later: Tensor?
    private let dimensions: ModelDimensions

    static let firstName = CheckpointNames.backbone + "prompt_embeddings"
    static let laterName = CheckpointNames.backbone + "deep_prompt_embeddings"

    init(_ weights: Weights, _ dimensions: ModelDimensions) throws(ModelError) {
        self.dimensions = dimensions
        let (prompts, hidden) = (dimensions.prompts, dimensions.hidden)
        first = try weights.tensor(Self.firstName, [1, prompts, hidden])
        later =
            weights.contains(Self.laterName)
            ? try weights.tensor(Self.laterName, [dimensions.layers - 1, prompts, hidden]) : nil
    }

    /// Writes the prompts among `rows` of the tokens; after the first layer only in deep prompt tuning.
    func place(beforeLayer layer: Int, rows: Range<Int>, _ space: Workspace) {
        let mine = rows.clamped(to: 1..<1 + dimensions.prompts)
        guard !mine.isEmpty, let source = layer == 0 ? first : later else { return }
        let hidden = dimensions.hidden
        let start = max(0, layer - 1) * dimensions.prompts + mine.lowerBound - 1
        (space.tokens + mine.lowerBound * hidden).update(
            from: source.pointer + start * hidden, count: mine.count * hidden)
    }
}
