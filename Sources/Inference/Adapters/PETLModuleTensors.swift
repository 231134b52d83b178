/// The tensors that the modules of an adapter must have, in every layer. The first module's tensors state the
/// sizes that the training chose: width, kernel, experts, slots; all modules have the same.
struct PETLModuleTensors {
    /// Required shapes by canonical name.
    private(set) var shapes: [String: [Int]] = [:]
    private let path: String
    private let hidden: Int
    private let tokens: Int
    private let shapeInFile: (String) -> [Int]?

    /// More experts or slots are not plausible; a soft mixture's sums would need gigabytes.
    private static let maximumExperts = 256
    private static let maximumSlots = 1024

    /// - Parameters:
    ///   - path: The adapter's file, for messages.
    ///   - shapeInFile: The shape of a tensor in it, by canonical name.
    /// - Throws: ``ModelError``: missing tensor, shape, unsupported.
    static func shapes(
        _ plan: AdapterPlan, _ dimensions: ModelDimensions, path: String,
        shapeInFile: @escaping (String) -> [Int]?
    ) throws(ModelError) -> [String: [Int]] {
        var tensors = PETLModuleTensors(
            path: path, hidden: dimensions.hidden, tokens: dimensions.tokens, shapeInFile: shapeInFile)
        for half in [plan.attention, plan.mlp].compactMap(\.self) {
            for layer in 0..<dimensions.layers {
                try tensors.add(half, plan.kind, in: CheckpointNames.layer(layer))
            }
        }
        return tensors.shapes
    }

    private init(
        path: String, hidden: Int, tokens: Int, shapeInFile: @escaping (String) -> [Int]?
    ) {
        self.path = path
        self.hidden = hidden
        self.tokens = tokens
        self.shapeInFile = shapeInFile
    }

    private mutating func add(
        _ half: AdapterPlan.Half, _ kind: AdapterPlan.Kind, in layer: String
    ) throws(ModelError) {
        let first = CheckpointNames.layer(0)
        let name = layer + half.name
        switch kind {
        case .single(let block): try add(block, name, like: first + half.name)
        case .dense(let block):
            let router = layer + half.router + "ff."
            let experts = try count(first + half.router + "ff.weight", axis: 0, rank: 2)
            try check(experts: experts, first + half.router + "ff.weight")
            shapes[router + "weight"] = [experts, hidden]
            shapes[router + "bias"] = [experts]
            try addExperts(experts, block, half, in: layer)
        case .soft(let block, let isNormalised):
            let slots = first + half.name + "slot_params"
            let experts = try count(slots, axis: 1, rank: 3)
            let perExpert = try count(slots, axis: 2, rank: 3)
            try check(experts: experts, slots)
            guard perExpert <= Self.maximumSlots / experts else {
                throw refused(
                    "slots of \(slots)", experts.multipliedReportingOverflow(by: perExpert).partialValue,
                    "at most \(Self.maximumSlots)")
            }
            shapes[name + "slot_params"] = [hidden, experts, perExpert]
            if isNormalised { shapes[name + "scale"] = [] }
            try addExperts(experts, block, half, in: layer)
        }
    }

    private mutating func addExperts(
        _ count: Int, _ block: AdapterPlan.Block, _ half: AdapterPlan.Half, in layer: String
    ) throws(ModelError) {
        let first = CheckpointNames.layer(0) + half.name + "moa.0."
        for expert in 0..<count { try add(block, "\(layer)\(half.name)moa.\(expert).", like: first) }
    }

    /// - Parameter first: The module that states the sizes.
    private mutating func add(
        _ block: AdapterPlan.Block, _ name: String, like first: String
    ) throws(ModelError) {
        func set(_ part: String, _ outputs: Int, _ inputs: [Int]) {
            shapes[name + part + ".weight"] = [outputs] + inputs
            shapes[name + part + ".bias"] = [outputs]
        }
        switch block {
        case .bottleneck, .convpass:
            let isBottleneck = block == .bottleneck
            let down = isBottleneck ? "linear_downsample" : "adapter_down"
            let width = try width(first + down + ".weight", axis: 0, rank: 2)
            set(down, width, [hidden])
            set(isBottleneck ? "linear_upsample" : "adapter_up", hidden, [width])
        case .conformer:
            let convolution = first + "dwise_conv.weight"
            let width = try width(convolution, axis: 0, rank: 3)
            let kernel = try count(convolution, axis: 2, rank: 3)
            guard kernel <= tokens else {
                throw refused("kernel of \(convolution)", kernel, "at most \(tokens), the number of tokens")
            }
            set("pwise_conv1", 2 * width, [hidden, 1])
            set("dwise_conv", width, [1, kernel])
            set("pwise_conv2", hidden, [width, 1])
            for part in ["weight", "bias", "running_mean", "running_var"] {
                shapes[name + "bnorm." + part] = [width]
            }
        }
    }

    /// The size of an axis that the training chose.
    private func count(_ name: String, axis: Int, rank: Int) throws(ModelError) -> Int {
        guard let shape = shapeInFile(name) else { throw .missingTensor(path: path, tensor: name) }
        guard shape.count == rank, shape[axis] > 0 else {
            throw .malformed(
                path: path, problem: "\(name) is \(shape), which has not \(rank) dimensions above 0")
        }
        return shape[axis]
    }

    /// The channels of a module: hidden size / reduction rate.
    private func width(_ name: String, axis: Int, rank: Int) throws(ModelError) -> Int {
        let width = try count(name, axis: axis, rank: rank)
        guard width <= hidden else {
            throw refused("width of \(name)", width, "at most \(hidden), the hidden size")
        }
        return width
    }

    private func check(experts: Int, _ name: String) throws(ModelError) {
        guard experts <= Self.maximumExperts else {
            throw refused("number of experts of \(name)", experts, "at most \(Self.maximumExperts)")
        }
    }

    private func refused(_ key: String, _ found: Int, _ wanted: String) -> ModelError {
        .unsupported(path: path, key: key, found: "\(found)", wanted: wanted)
    }
}
