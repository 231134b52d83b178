/// Computes the smoothing of a layer's activations from a base's tensors; see ``ActivationSmoothing``.
struct LayerSmoothing {
    private let checkpoint: Checkpoint

    init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

    /// The smoothing of a module's outputs; `nil` where they are not smoothed, or tensors are missing or do
    /// not fit: loading the network reports those.
    func smoothing(of module: String) -> ActivationSmoothing? {
        let part = CheckpointNames.withoutLayer(module)
        let layer = String(module.dropLast(part.count))
        let attention = layer + "attention.attention."
        switch part {
        case "layernorm_before":
            return ofNorm(module, readBy: ["query", "key", "value"].map { attention + $0 })
        case "layernorm_after":
            return ofNorm(module, readBy: [layer + "intermediate.dense"])
        case "attention.attention.query":
            // A score is a sum of products, one of each channel of query and key.
            guard let query = outputs(of: module, layer), let key = outputs(of: attention + "key", layer),
                query.count == key.count
            else { return nil }
            return ActivationSmoothing(produced: query, read: key)
        case "attention.attention.key":
            return checkpoint.smoothing(of: attention + "query")?.inverse
        case "attention.attention.value":
            guard let values = outputs(of: module, layer),
                let output = matrix(layer + "attention.output.dense"), output.rowWidth == values.count
            else { return nil }
            return ActivationSmoothing(produced: values, read: ChannelRange.columns(of: [output]))
        default: return nil
        }
    }

    private func ofNorm(_ norm: String, readBy modules: [String]) -> ActivationSmoothing? {
        guard let gain = vector(norm + ".weight"), let offset = vector(norm + ".bias"),
            gain.count == offset.count
        else { return nil }
        let matrices = modules.compactMap { matrix($0) }
        guard matrices.count == modules.count, matrices.allSatisfy({ $0.rowWidth == gain.count }) else {
            return nil
        }
        return ActivationSmoothing(
            produced: ChannelRange.outputs(gain: gain, offset: offset),
            read: ChannelRange.columns(of: matrices))
    }

    /// The range of the outputs of a projection of the layer's first norm.
    private func outputs(of module: String, _ layer: String) -> [Float]? {
        let norm = layer + "layernorm_before"
        guard let weight = matrix(module), let gain = vector(norm + ".weight"),
            let offset = vector(norm + ".bias"), gain.count == weight.rowWidth,
            offset.count == weight.rowWidth
        else { return nil }
        let bias = vector(module + ".bias")
        guard bias?.count ?? weight.rows == weight.rows else { return nil }
        return ChannelRange.outputs(of: weight, bias: bias, gain: gain, offset: offset)
    }

    private func matrix(_ module: String) -> Tensor? { tensor(module + ".weight", rank: 2) }
    private func vector(_ name: String) -> Tensor? { tensor(name, rank: 1) }

    private func tensor(_ name: String, rank: Int) -> Tensor? {
        guard let shape = checkpoint.shape(of: name), shape.count == rank else { return nil }
        return try? checkpoint.tensor(name, shape)
    }
}
