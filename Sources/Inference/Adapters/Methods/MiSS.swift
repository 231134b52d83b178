internal import TextSupport

/// MiSS: adds one `[r, outputs]` block to every r inputs; `bat`: W_ij' = W_ij + W_ij B_i + B_i for
/// blocks of r x r; `mini`: a block of `[r, mini_r]`, repeated over the outputs.
///
/// Kang and Yin: "Balancing LoRA Performance and Efficiency with Simple Shard Sharing", 2024
/// (arXiv:2409.15371).
struct MiSS: AdapterMethod {
    static let peftType = "MISS"
    static let keys = AdapterConfigKeys(
        read: ["init_weights", "mini_r", "r"], neutral: ["miss_dropout"])
    static let parameters: Set = ["miss_block"]

    private let variant: MiSSVariant
    var title: String { variant.title("MiSS") }

    init(_ file: ConfigFile) throws(ModelError) {
        variant = try MiSSVariant(file, variants: ["bat", "mini"])
    }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: variant.r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear("MiSS")
        return try variant.change(of: module, "miss_block")
    }
}

/// Bone, as MiSS was called before PEFT 0.17.
struct Bone: AdapterMethod {
    static let peftType = "BONE"
    static let keys = AdapterConfigKeys(read: ["init_weights", "r"])
    static let parameters: Set = ["bone_block"]

    private let variant: MiSSVariant
    var title: String { variant.title("Bone") }

    init(_ file: ConfigFile) throws(ModelError) { variant = try MiSSVariant(file, variants: ["bat"]) }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: variant.r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear("Bone")
        return try variant.change(of: module, "bone_block")
    }
}

/// `init_weights` selects what the block means, not only its first values.
private struct MiSSVariant {
    let r: Int
    private let name: String?
    private let miniRank: Int

    func title(_ method: String) -> String { name.map { "\(method), \($0)" } ?? method }

    init(_ file: ConfigFile, variants: [String]) throws(ModelError) {
        r = try file.integer("r") ?? 64
        miniRank = try file.integer("mini_r") ?? 1
        let wanted = "true, false, " + variants.joined(separator: ", ")
        let named = try file.name("init_weights", orFlag: wanted)
        name = named
        if let named, !variants.contains(named) {
            throw .unsupported(path: file.path, key: "init_weights", found: named, wanted: wanted)
        }
    }

    func change(of module: AdaptedModule, _ parameter: String) throws(ModelError) -> any WeightChange {
        let (inputs, outputs) = (module.inputs, module.outputs)
        let shape = try module.shape(of: parameter)
        if name == "bat" {
            try module.check("r", r, isThatOf: parameter, shape.last ?? 0)
            guard r > 0, inputs % r == 0, outputs % r == 0 else {
                throw module.contradiction(
                    "r", found: "\(r)", wanted: "a divisor of \(inputs) and \(outputs)")
            }
            return bat(try module.tensor(parameter, [outputs / r, r, r]), inputs: inputs)
        }
        try module.check("r", r, isThatOf: parameter, shape.first ?? 0)
        guard r > 0, miniRank > 0, name != "mini" || outputs % miniRank == 0 else {
            throw module.contradiction(
                "r, mini_r", found: "\(r), \(miniRank)", wanted: "positive, mini_r a divisor of \(outputs)")
        }
        let width = name == "mini" ? miniRank : outputs
        let block = try module.tensor(parameter, [r, width])
        let rank = r
        return RowChange(rank: rank) { rows, values in
            for row in rows {
                let merged = values + (row - rows.lowerBound) * inputs
                for column in 0..<inputs {
                    merged[column] += block.pointer[column % rank * width + row % width]
                }
            }
        }
    }

    private func bat(_ block: Tensor, inputs: Int) -> any WeightChange {
        let rank = r
        return RowChange(rank: rank) { rows, values in
            var old = [Float](repeating: 0, count: rank)
            for row in rows {
                let factors = block.pointer + row / rank * rank * rank
                for first in stride(from: 0, to: inputs, by: rank) {
                    let merged = values + (row - rows.lowerBound) * inputs + first
                    for index in 0..<rank { old[index] = merged[index] }
                    for inner in 0..<rank {
                        for index in 0..<rank { merged[index] += old[inner] * factors[inner * rank + index] }
                    }
                    for index in 0..<rank { merged[index] += factors[row % rank * rank + index] }
                }
            }
        }
    }
}
