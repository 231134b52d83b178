/// Projects every patch of a spectrogram to one token: a strided convolution, computed as a matrix
/// multiplication.
struct PatchEmbedding {
    private let projection: Linear
    private let classToken: Tensor
    private let distillationToken: Tensor
    /// `[positions, hidden]`.
    private let positions: Tensor
    var dimensions: ModelDimensions

    init(_ weights: Weights, _ dimensions: ModelDimensions) throws(ModelError) {
        let name = CheckpointNames.backbone + "embeddings."
        let hidden = dimensions.hidden
        let kernel = try weights.tensor(
            name + "patch_embeddings.projection.weight", [hidden, 1, dimensions.patch, dimensions.patch])
        projection = Linear(
            weight: Tensor(pointer: kernel.pointer, shape: [hidden, dimensions.patch * dimensions.patch]),
            bias: try weights.tensor(name + "patch_embeddings.projection.bias", [hidden]))
        classToken = try weights.tensor(name + "cls_token", [1, 1, hidden])
        distillationToken = try weights.tensor(name + "distillation_token", [1, 1, hidden])
        positions = try weights.tensor(name + "position_embeddings", [1, dimensions.positions, hidden])
        self.dimensions = dimensions
    }

    /// Computes rows `rows` of the tokens, but for ``Prompts``.
    ///
    /// - Parameters:
    ///   - features: Normalised log-mel energies, `[frames, mels]`, row-major, unitless.
    ///   - space: Its `tokens` are the output; only `rows` of them are written.
    func embed(
        _ features: UnsafePointer<Float>, rows: Range<Int>, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) {
        let hidden = dimensions.hidden
        let tokens = space.tokens
        let patches = space.wide(worker: worker)
        let leading = dimensions.leadingTokens
        let hasPrompts = dimensions.prompts > 0
        if rows.contains(0) { copy(classToken, to: tokens) }
        if rows.contains(1), !hasPrompts { copy(distillationToken, to: tokens + hidden) }
        let patchRows = max(rows.lowerBound, leading)..<max(rows.upperBound, leading)
        var patch = patches
        for row in patchRows {
            gather(features, patchIndex: row - leading, into: patch)
            patch += dimensions.patch * dimensions.patch
        }
        let width = dimensions.patch * dimensions.patch
        projection.apply(
            space.floatInput(patches, rows: patchRows.count, width: width, worker: worker),
            into: tokens + patchRows.lowerBound * hidden, kernels)
        addPositions(to: rows.clamped(to: 0..<(hasPrompts ? 1 : leading)), of: tokens, from: 0)
        // A shortened network has the first patches of each row of the spectrogram.
        let (perRow, positionsPerRow) = (dimensions.timePatches, dimensions.positionTimePatches)
        var first = patchRows.lowerBound
        while first < patchRows.upperBound {
            let (row, column) = (first - leading).quotientAndRemainder(dividingBy: perRow)
            let end = min(patchRows.upperBound, first + perRow - column)
            addPositions(to: first..<end, of: tokens, from: 2 + row * positionsPerRow + column)
            first = end
        }
    }

    /// Adds the positions from `first` on to some rows of the tokens.
    private func addPositions(to rows: Range<Int>, of tokens: UnsafeMutablePointer<Float>, from first: Int) {
        let hidden = dimensions.hidden
        let (sum, position) = (tokens + rows.lowerBound * hidden, positions.pointer + first * hidden)
        for index in 0..<rows.count * hidden { sum[index] += position[index] }
    }

    /// Copies one patch in the layout of the convolution kernel, `[mel bins, frames]`.
    private func gather(
        _ features: UnsafePointer<Float>, patchIndex: Int, into patch: UnsafeMutablePointer<Float>
    ) {
        let side = dimensions.patch
        let firstBin = patchIndex / dimensions.timePatches * dimensions.frequencyStride
        let firstFrame = patchIndex % dimensions.timePatches * dimensions.timeStride
        let corner = features + firstFrame * dimensions.melBins + firstBin
        for bin in 0..<side {
            for frame in 0..<side {
                patch[bin * side + frame] = corner[frame * dimensions.melBins + bin]
            }
        }
    }

    private func copy(_ row: Tensor, to token: UnsafeMutablePointer<Float>) {
        token.update(from: row.pointer, count: dimensions.hidden)
    }
}
