/// A module of an adapter that computes every token by itself: up(activation(down(x))), or a dense mixture of
/// such modules. It runs in fp32 in every network.
///
/// A mixture of E experts is computed as one module: `down` has the rows of all experts and of the router;
/// their activations are multiplied by the router's probabilities; `up` has the columns of all experts, and
/// their biases as the columns of the probabilities.
struct RowModule {
    enum Activation {
        case gelu
        case quickGELUTwice
    }

    private let down: Linear
    private let up: Linear
    private let activation: Activation
    /// 0: a single module.
    private let experts: Int

    /// Channels between `down` and `up`: floats of scratch memory per row.
    var width: Int { down.outputs }

    /// - Parameter name: The module's name with a trailing dot.
    init(
        _ weights: Weights, _ name: String, _ block: AdapterPlan.Block, hidden: Int
    ) throws(ModelError) {
        let parts = try BlockWeights(weights, name, block, hidden: hidden)
        down = parts.down
        up = parts.up
        activation = parts.activation
        experts = 0
    }

    /// A dense mixture.
    ///
    /// - Parameter names: The experts' names.
    init(
        _ weights: Weights, experts names: [String], router: String, _ block: AdapterPlan.Block, hidden: Int
    ) throws(ModelError) {
        var parts: [BlockWeights] = []
        for name in names { parts.append(try BlockWeights(weights, name, block, hidden: hidden)) }
        let routing = try Linear(
            weights, router + "ff", inputs: hidden, outputs: names.count, isQuantized: false)
        (down, up) = try BlockWeights.joined(parts, routing, hidden: hidden)
        activation = parts.first?.activation ?? .gelu
        experts = names.count
    }

    /// Computes rows into y `[rows, hidden]`, or adds them to it.
    ///
    /// - Parameter x: `[rows, hidden]`; not y.
    func apply(
        _ x: UnsafePointer<Float>, rows: Int, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue,
        _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        guard rows > 0 else { return }
        let inner = space.wide(worker: worker)
        let isFused = activation == .gelu && experts == 0
        let input = space.floatInput(x, rows: rows, width: down.inputs, worker: worker)
        down.apply(input, into: inner, then: isFused ? .gelu : .store, kernels)
        if experts > 0 {
            mix(inner, rows: rows, kernels)
        } else if !isFused {
            activate(inner, count: rows * width, kernels)
        }
        up.apply(
            space.floatInput(inner, rows: rows, width: width, worker: worker), into: y, then: epilogue,
            kernels)
    }

    private func activate(_ x: UnsafeMutablePointer<Float>, count: Int, _ kernels: Kernels) {
        switch activation {
        case .gelu: kernels.gelu(x, count: count)
        case .quickGELUTwice:
            kernels.quickGELU(x, count: count)
            kernels.quickGELU(x, count: count)
        }
    }

    /// Activates the experts' channels of each row, and multiplies them by the router's probabilities, which
    /// stay behind them.
    private func mix(_ inner: UnsafeMutablePointer<Float>, rows: Int, _ kernels: Kernels) {
        let channels = width - experts
        let perExpert = channels / experts
        for row in 0..<rows {
            let values = inner + row * width
            let probabilities = values + channels
            activate(values, count: channels, kernels)
            kernels.softmax(probabilities, rows: 1, width: experts)
            for expert in 0..<experts {
                let probability = probabilities[expert]
                for index in expert * perExpert..<(expert + 1) * perExpert { values[index] *= probability }
            }
        }
    }
}

/// The two linear layers of a bottleneck or convpass module.
struct BlockWeights {
    let down: Linear
    let up: Linear
    let activation: RowModule.Activation

    /// - Parameter name: The module's name with a trailing dot.
    init(
        _ weights: Weights, _ name: String, _ block: AdapterPlan.Block, hidden: Int
    ) throws(ModelError) {
        let isBottleneck = block == .bottleneck
        let downName = name + (isBottleneck ? "linear_downsample" : "adapter_down")
        let width = weights.shape(of: downName + ".bias")?.first ?? 0
        down = try Linear(weights, downName, inputs: hidden, outputs: width, isQuantized: false)
        up = try Linear(
            weights, name + (isBottleneck ? "linear_upsample" : "adapter_up"), inputs: width, outputs: hidden,
            isQuantized: false)
        activation = isBottleneck ? .gelu : .quickGELUTwice
    }

    /// The linear layers of a mixture; see ``RowModule``.
    static func joined(
        _ parts: [BlockWeights], _ router: Linear, hidden: Int
    ) throws(ModelError) -> (down: Linear, up: Linear) {
        let channels = parts.reduce(0) { $0 + $1.down.outputs }
        let width = channels + parts.count
        let pages = try PrivatePages(floatCounts: [width * hidden, hidden * width], for: "the mixture")
        let down = pages.allocate(width * hidden), up = pages.allocate(hidden * width)
        var bias: [Float] = []
        var first = 0
        for (expert, part) in parts.enumerated() {
            let inner = part.down.outputs
            (down + first * hidden).update(from: part.down.weight.pointer, count: inner * hidden)
            bias += part.down.biases
            for row in 0..<hidden {
                (up + row * width + first).update(from: part.up.weight.pointer + row * inner, count: inner)
                up[row * width + channels + expert] = part.up.biases[row]
            }
            first += inner
        }
        (down + channels * hidden).update(from: router.weight.pointer, count: parts.count * hidden)
        pages.makeReadOnly()
        return (
            Linear(
                weight: Tensor(pointer: down, shape: [width, hidden]), biases: bias + router.biases,
                owner: pages),
            Linear(weight: Tensor(pointer: up, shape: [hidden, width]), biases: nil, owner: pages)
        )
    }
}
