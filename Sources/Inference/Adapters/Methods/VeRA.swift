/// VeRA: W' = W + (b * B) (d * A): all modules share the random projections A and B, and each has trained
/// vectors b and d.
///
/// Kopiczko et al.: "VeRA: Vector-based Random Matrix Adaptation", 2023 (arXiv:2310.11454). Without
/// `save_projection`, A and B are PyTorch's random numbers from `projection_prng_key`.
struct VeRA: AdapterMethod {
    static let peftType = "VERA"
    static let keys = AdapterConfigKeys(
        read: SharedProjections.keys, neutral: ["d_initial", "init_weights", "vera_dropout"])
    static let parameters = SharedProjections.parameters("vera_")

    let title = "VeRA"
    private let projections: SharedProjections

    init(_ file: ConfigFile) throws(ModelError) {
        projections = try SharedProjections(file, prefix: "vera_", halves: 1)
    }

    func check(_ adapter: Adapter) throws(ModelError) { try projections.check(adapter) }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: projections.r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        return try projections.change(of: module)
    }
}

/// PVeRA: VeRA whose inner activations are random in training; merged, it is VeRA with their mean, the first
/// half of A and d.
struct PVeRA: AdapterMethod {
    static let peftType = "PVERA"
    static let keys = AdapterConfigKeys(
        read: SharedProjections.keys,
        neutral: ["d_initial", "generator_seed", "init_weights", "pvera_dropout"],
        unmergeable: [("sample_at_inference", "the scores are random")])
    static let parameters = SharedProjections.parameters("pvera_")

    let title = "PVeRA"
    private let projections: SharedProjections

    init(_ file: ConfigFile) throws(ModelError) {
        projections = try SharedProjections(file, prefix: "pvera_", halves: 2)
    }

    func check(_ adapter: Adapter) throws(ModelError) { try projections.check(adapter) }

    func sizes(of module: ModuleTensors, in adapter: Adapter) throws(ModelError) -> ModuleSizes {
        ModuleSizes(rank: projections.r)
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        try module.requireLinear(title)
        return try projections.change(of: module)
    }
}

/// The random projections of all modules, and what a module does with them.
private struct SharedProjections {
    static let keys: Set = ["projection_prng_key", "r", "save_projection"]
    static func parameters(_ prefix: String) -> Set<String> {
        Set(["A", "B", "lambda_b", "lambda_d"].map { prefix + $0 })
    }

    let r: Int
    private let seed: Int
    private let isSaved: Bool
    private let prefix: String
    /// A has so many times r rows, of which the first r count.
    private let halves: Int

    init(_ file: ConfigFile, prefix: String, halves: Int) throws(ModelError) {
        self.prefix = prefix
        self.halves = halves
        r = try file.integer("r") ?? 256
        seed = try file.integer("projection_prng_key") ?? 0
        isSaved = try file.bool("save_projection") ?? true
        guard (1..<1 << 20).contains(r) else {
            throw .unsupported(path: file.path, key: "r", found: "\(r)", wanted: "a positive number")
        }
    }

    func check(_ adapter: Adapter) throws(ModelError) {
        let names = adapter.shared?.names ?? [:]
        for name in [prefix + "A", prefix + "B"] where isSaved && names[name] == nil {
            throw .missingTensor(path: adapter.file.path, tensor: name)
        }
    }

    func change(of module: AdaptedModule) throws(ModelError) -> any WeightChange {
        let lambda = prefix + "lambda_d"
        let stated = try module.shape(of: lambda).first ?? 0
        try module.check("r", r * halves, isThatOf: lambda, stated)
        let outputVector = try module.tensor(prefix + "lambda_b", [module.outputs])
        let innerVector = try module.tensor(lambda, [r * halves])
        let (rank, inputs, outputs) = (r, module.inputs, module.outputs)
        let projections = try projections(for: module)
        return FactorChange(rank: rank, inputs: inputs, scale: 1) { () throws(ModelError) in
            let (a, b, width) = projections()
            var left: [Float] = [], right: [Float] = []
            for row in 0..<outputs {
                for inner in 0..<rank { left.append(outputVector.pointer[row] * b[row * rank + inner]) }
            }
            for inner in 0..<rank {
                for column in 0..<inputs {
                    right.append(innerVector.pointer[inner] * a[inner * width + column])
                }
            }
            return (left, right)
        }
    }

    /// A `[rank, width]` and B `[outputs of the largest module, rank]`.
    private func projections(
        for module: AdaptedModule
    ) throws(ModelError) -> () -> (a: [Float], b: [Float], width: Int) {
        let (largestOutputs, largestInputs) = try module.largestModule()
        let (rank, rows) = (r, r * halves)
        // PEFT reads saved projections only with save_projection.
        guard isSaved else {
            let seed = seed
            return {
                var generator = TorchGenerator(seed: seed)
                func kaiming(_ rows: Int, _ columns: Int) -> [Float] {
                    let bound = Float(3.0.squareRoot() * (2.0.squareRoot() / Double(columns).squareRoot()))
                    return generator.uniform(rows * columns, from: -bound, to: bound)
                }
                let a = kaiming(rows, largestInputs)
                return (a, kaiming(largestOutputs, rank), largestInputs)
            }
        }
        let a = try module.sharedTensor(prefix + "A", [rows, largestInputs])
        let b = try module.sharedTensor(prefix + "B", [largestOutputs, rank])
        return { (Array(a.buffer), Array(b.buffer), largestInputs) }
    }
}

extension AdaptedModule {
    /// The largest number of outputs and of inputs among all modules that the adapter changes.
    func largestModule() throws(ModelError) -> (outputs: Int, inputs: Int) {
        var outputs = 0, inputs = 0
        for other in adapter.modulesInOrder {
            guard let shape = base.shape(of: other.name + ".weight"), shape.count == 2 else {
                throw .unmatchedTensor(path: adapter.file.path, tensor: other.example)
            }
            outputs = max(outputs, shape[0])
            inputs = max(inputs, shape[1])
        }
        return (outputs, inputs)
    }
}
