/// A module that an adapter adds to one half of a layer.
enum AdapterModule {
    case rows(RowModule)
    case conformer(ConformerModule)
    case soft(SoftMixture)

    init(
        _ weights: Weights, layer: String, _ half: AdapterPlan.Half, _ kind: AdapterPlan.Kind,
        _ dimensions: ModelDimensions
    ) throws(ModelError) {
        let (name, hidden, tokens) = (layer + half.name, dimensions.hidden, dimensions.tokens)
        switch kind {
        case .single(.conformer):
            self = .conformer(try ConformerModule(weights, name, hidden: hidden, tokens: tokens))
        case .single(let block):
            self = .rows(try RowModule(weights, name, block, hidden: hidden))
        case .dense(let block):
            let router = layer + half.router
            let experts = weights.shape(of: router + "ff.bias")?.first ?? 0
            self = .rows(
                try RowModule(
                    weights, experts: (0..<experts).map { "\(name)moa.\($0)." }, router: router, block,
                    hidden: hidden))
        case .soft(let block, let isNormalised):
            self = .soft(
                try SoftMixture(
                    weights, name, block, isNormalised: isNormalised, hidden: hidden, tokens: tokens))
        }
    }

    /// The module for sequences of another length.
    func with(tokens: Int) -> AdapterModule {
        switch self {
        case .rows: return self
        case .conformer(var module):
            module.tokens = tokens
            return .conformer(module)
        case .soft(var mixture):
            mixture.tokens = tokens
            return .soft(mixture)
        }
    }

    /// Whether its results on shorter sequences say how it behaves on whole ones: not those of means over all
    /// tokens, nor of a convolution that is longer than the sequence.
    func isSame(onTokens tokens: Int) -> Bool {
        switch self {
        case .rows: true
        case .conformer(let module): module.kernel <= tokens
        case .soft: false
        }
    }

    /// Whether a token's result depends on other tokens, so that workers must wait for each other between
    /// ``take(_:rows:step:_:worker:_:)`` and ``give(rows:step:into:then:_:worker:_:)``.
    var mixesTokens: Bool {
        if case .rows = self { false } else { true }
    }

    /// The tokens whose input the results of `rows` depend on.
    func reach(of rows: Range<Int>, tokens: Int) -> Range<Int> {
        switch self {
        case .rows: rows
        case .conformer(let module): rows.isEmpty ? rows : module.reach(of: rows)
        case .soft: 0..<tokens
        }
    }

    /// Stores what the results of other tokens depend on. Of modules that compute every token by itself,
    /// nothing.
    func take(
        _ x: UnsafePointer<Float>, rows: Range<Int>, step: Int, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) {
        switch self {
        case .rows: break
        case .conformer(let module):
            module.take(x, rows: rows, step: step, space, worker: worker, kernels)
        case .soft(let mixture): mixture.take(x, rows: rows, space, kernels)
        }
    }

    /// What is computed between two barriers, when all rows have been taken.
    func mix(_ space: Workspace, _ pool: WorkerPool, _ kernels: Kernels) {
        if case .soft(let mixture) = self { mixture.mix(space, pool, kernels) }
    }

    /// Computes the results of the tokens `rows` into y `[rows, hidden]`, or adds them to it.
    ///
    /// - Parameter x: The tokens' input, `[rows, hidden]`, which modules that mix tokens have taken before.
    func give(
        _ x: UnsafePointer<Float>, rows: Range<Int>, step: Int, into y: UnsafeMutablePointer<Float>,
        then epilogue: Epilogue, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        switch self {
        case .rows(let module):
            module.apply(x, rows: rows.count, into: y, then: epilogue, space, worker: worker, kernels)
        case .conformer(let module):
            module.give(
                rows: rows, step: step, into: y, then: epilogue, space, worker: worker, kernels)
        case .soft(let mixture):
            mixture.give(rows: rows, into: y, then: epilogue, space, worker: worker, kernels)
        }
    }

    /// Floats of a worker's scratch memory for a block of `rows`.
    func scratchFloats(rows: Int) -> Int {
        switch self {
        case .rows(let module): rows * module.width
        case .conformer(let module): rows * 2 * module.width
        case .soft(let mixture): mixture.scratchFloats
        }
    }

    /// Bytes of one of three planes that all workers share.
    var planeBytes: Int { if case .conformer(let module) = self { module.planeBytes } else { 0 } }
    /// Bytes of other memory that all workers share.
    var sharedBytes: Int { if case .soft(let mixture) = self { mixture.sharedBytes } else { 0 } }
}
