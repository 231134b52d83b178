/// LN tuning: replaces LayerNorms (or any other module) by trained copies.
///
/// Qi et al.: "Parameter-Efficient Tuning on Layer Normalization for Pre-trained Language Models", 2022
/// (arXiv:2211.08682).
struct LNTuning: AdapterMethod {
    static let peftType = "LN_TUNING"
    static let keys = AdapterConfigKeys()
    static let parameters: Set = ["ln_tuning_layers.weight", "ln_tuning_layers.bias"]
    static let replacements = [
        "ln_tuning_layers.weight": "weight", "ln_tuning_layers.bias": "bias",
    ]

    let title = "LN tuning"

    init(_ file: ConfigFile) {}

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        // Its tensors are replacements, so no module has others.
        throw .unmatchedTensor(path: module.adapter.file.path, tensor: module.tensors.example)
    }
}
