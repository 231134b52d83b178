/// The keys and values that prefix tuning adds to a layer's attention. Its queries, and so its tokens, stay
/// the same.
///
/// Li and Liang: "Prefix-Tuning", 2021 (arXiv:2101.00190). PETL_AST inserts them after the cls token's. Here
/// they are packed behind the last token's: the result does not depend on the order of the keys.
struct AttentionPrefix {
    /// `[prefixes, hidden]`, divided by the smoothing of the projection whose outputs they stand beside.
    let keys: [Float]
    let values: [Float]

    /// The names of a layer's tensors.
    static func names(ofLayer layer: Int) -> (keys: String, values: String) {
        let attention = CheckpointNames.layer(layer) + "attention.attention."
        return (attention + "key_tokens", attention + "value_tokens")
    }

    init(
        _ weights: Weights, layer: Int, _ dimensions: ModelDimensions, key: Linear, value: Linear
    ) throws(ModelError) {
        func rows(_ name: String, beside projection: Linear) throws(ModelError) -> [Float] {
            let shape = [1, dimensions.prefixes, dimensions.hidden]
            let trained = Array(try weights.tensor(name, shape).buffer)
            guard let factors = projection.outputSmoothing?.factors else { return trained }
            return trained.indices.map { trained[$0] / factors[$0 % dimensions.hidden] }
        }
        let names = Self.names(ofLayer: layer)
        keys = try rows(names.keys, beside: key)
        values = try rows(names.values, beside: value)
    }
}
