/// What an adapter adds to one half of a layer; ``EncoderLayer`` asks it at fixed places.
struct HalfAdapter {
    private(set) var module: AdapterModule
    let place: AdapterPlan.Place
    let keepsInput: Bool
    let isRepeated: Bool
    /// The half's LayerNorm without the factors of ``ActivationSmoothing``.
    private let norm: LayerNorm
    /// Whether the layer's own norm has such factors.
    private let isNormSmoothed: Bool
    private let factors: [Float]?
    private let hidden: Int
    /// Number of the half in the order of computation; see ``Workspace/plane(step:)``.
    private let step: Int

    init(
        _ weights: Weights, layer: Int, _ half: AdapterPlan.Half, _ kind: AdapterPlan.Kind, norm name: String,
        isFirstHalf: Bool, _ dimensions: ModelDimensions
    ) throws(ModelError) {
        module = try AdapterModule(
            weights, layer: CheckpointNames.layer(layer), half, kind, dimensions)
        place = half.place
        keepsInput = half.keepsInput
        isRepeated = half.isRepeated
        hidden = dimensions.hidden
        step = 2 * layer + (isFirstHalf ? 0 : 1)
        norm = try LayerNorm(
            weights, name, width: hidden, epsilon: dimensions.layerNormEpsilon, isSmoothed: false)
        let smoothing = weights.smoothing(of: name)?.factors ?? []
        // Without an outlying channel all factors are 1, and the module can read the layer's own norm.
        isNormSmoothed = smoothing.contains { $0 != 1 }
        factors = isNormSmoothed ? smoothing : nil
    }

    /// The same for sequences of another length.
    func with(tokens: Int) -> HalfAdapter {
        var half = self
        half.module = module.with(tokens: tokens)
        return half
    }

    /// Whether workers must wait for each other before the result of a module at this place.
    func waits(_ places: AdapterPlan.Place...) -> Bool { places.contains(place) && module.mixesTokens }

    /// The module's input at a place where it reads the normalised tokens: `normed`, as the sublayer does, or
    /// without smoothing, in the worker's memory.
    func input(
        _ normed: UnsafePointer<Float>, rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) -> UnsafePointer<Float> {
        guard isNormSmoothed else { return normed }
        let own = space.added(worker: worker)
        normalise(rows, into: own, space, kernels)
        return UnsafePointer(own)
    }

    /// Puts the module's result in the place of the sublayer's input, `normed`, and adds it to the tokens.
    /// A module that mixes tokens only takes the input; ``replaceMixedInput(_:rows:_:worker:_:)`` follows.
    ///
    /// - Returns: Whether `normed` is ready.
    func replaceInput(
        _ normed: UnsafeMutablePointer<Float>, rows: Range<Int>, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) -> Bool {
        let x = input(normed, rows: rows, space, worker: worker, kernels)
        if module.mixesTokens {
            take(x, rows: rows, space, worker: worker, kernels)
            return false
        }
        let y = isNormSmoothed ? normed : space.added(worker: worker)
        give(x, rows: rows, into: y, then: .store, space, worker: worker, kernels)
        replace(normed, with: y, rows: rows, space)
        return true
    }

    /// The second half of ``replaceInput(_:rows:_:worker:_:)`` for a module that mixes tokens.
    func replaceMixedInput(
        _ normed: UnsafeMutablePointer<Float>, rows: Range<Int>, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) {
        give(normed, rows: rows, into: normed, then: .store, space, worker: worker, kernels)
        replace(normed, with: normed, rows: rows, space)
    }

    private func replace(
        _ normed: UnsafeMutablePointer<Float>, with y: UnsafeMutablePointer<Float>, rows: Range<Int>,
        _ space: Workspace
    ) {
        space.add(y, to: rows, width: hidden)
        if y != normed { normed.update(from: y, count: rows.count * hidden) }
        guard let factors else { return }
        for row in 0..<rows.count {
            for index in 0..<hidden { normed[row * hidden + index] /= factors[index] }
        }
    }

    /// Normalises the tokens `rows` into y, as the module reads them.
    func normalise(
        _ rows: Range<Int>, into y: UnsafeMutablePointer<Float>, _ space: Workspace, _ kernels: Kernels
    ) {
        norm.apply(space.tokens + rows.lowerBound * hidden, into: y, rows: rows.count, kernels)
    }

    /// Stores what the results of other tokens depend on.
    func take(
        _ x: UnsafePointer<Float>, rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        module.take(x, rows: rows, step: step, space, worker: worker, kernels)
    }

    /// tokens += x, where the module's input stays (a residual connection around the module).
    func keep(_ x: UnsafePointer<Float>, rows: Range<Int>, _ space: Workspace) {
        if keepsInput { space.add(x, to: rows, width: hidden) }
    }

    /// tokens += A(x).
    func add(
        _ x: UnsafePointer<Float>, rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        give(
            x, rows: rows, into: space.tokens + rows.lowerBound * hidden, then: .add, space, worker: worker,
            kernels)
    }

    /// y = A(x), `[rows, hidden]`.
    func give(
        _ x: UnsafePointer<Float>, rows: Range<Int>, into y: UnsafeMutablePointer<Float>,
        then epilogue: Epilogue, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        module.give(
            x, rows: rows, step: step, into: y, then: epilogue, space, worker: worker, kernels)
    }
}
