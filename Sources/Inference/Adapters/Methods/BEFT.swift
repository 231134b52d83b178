/// BEFT: adds a trained vector to a module's bias.
struct BEFT: AdapterMethod {
    static let peftType = "BEFT"
    static let keys = AdapterConfigKeys(neutral: ["init_weights"])
    static let parameters: Set = ["beft_bias"]
    static let changesWeights = false

    let title = "BEFT"

    init(_ file: ConfigFile) {}

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        guard module.base.contains(module.name + ".bias") else {
            throw .unsupported(
                path: module.adapter.file.path, key: "the base's bias of \(module.path)", found: "absent",
                wanted: "a bias to add to, as in PEFT")
        }
        return BEFTChange(added: try module.tensor("beft_bias", [1, module.outputs]))
    }
}

private struct BEFTChange: WeightChange {
    let added: Tensor

    func bias(_ bias: Tensor?) -> [Float]? {
        bias.map { bias in (0..<bias.count).map { bias.pointer[$0] + added.pointer[$0] } }
    }

    func rowMerge() -> RowMerge { { _, _ in } }
}
