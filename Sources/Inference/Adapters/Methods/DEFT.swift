/// DEFT: removes a subspace of the weight and adds factors in its place: W' = W + P (s R - relu(P)^T W); with
/// `para` nothing is added.
struct DEFT: AdapterMethod {
    static let peftType = "DEFT"
    static let keys = AdapterConfigKeys(
        read: ["alpha", "decomposition_method", "para", "r"],
        neutral: ["deft_dropout", "init_scale", "init_weights"])
    static let parameters: Set = ["deft_P", "deft_R"]

    var title: String { isRemoval ? "DEFT, removal only" : "DEFT" }
    private let r: Int
    private let alpha: Double
    private let isRemoval: Bool

    init(_ file: ConfigFile) throws(ModelError) {
        r = try file.integer("r") ?? 8
        alpha = try file.double("alpha") ?? 0
        isRemoval = try file.bool("para") ?? false
        let method = try file.string("decomposition_method") ?? "relu"
        guard method == "relu" else {
            throw .unsupported(
                path: file.path, key: "decomposition_method", found: method,
                wanted: "relu; merge the adapter with PEFT")
        }
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear("DEFT")
        let (outputs, inputs) = (module.outputs, module.inputs)
        let rank = min(r, outputs)
        let stated = try module.shape(of: "deft_P").last ?? 0
        try module.check("r", rank, isThatOf: "deft_P", stated)
        let p = try module.tensor("deft_P", [outputs, max(1, rank)])
        let added = isRemoval ? nil : try module.tensor("deft_R", [rank, inputs])
        let scale = alpha == 0 ? 1 : Float(alpha / Double(rank))
        let weight = module.weight
        return FactorChange(rank: rank, inputs: inputs, scale: 1) { () throws(ModelError) in
            // relu(P)^T, negative.
            var directions = [Float](repeating: 0, count: rank * outputs)
            for row in 0..<outputs {
                for index in 0..<rank {
                    directions[index * outputs + row] = -max(0, p.pointer[row * rank + index])
                }
            }
            var inner = FloatMatrix.product(
                directions, Array(weight.buffer), rows: 0..<rank, inner: outputs, columns: inputs)
            if let added { for index in inner.indices { inner[index] += scale * added.pointer[index] } }
            return (Array(p.buffer), inner)
        }
    }
}
