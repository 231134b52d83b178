/// Memory of all activations of the forward pass, in one allocation.
///
/// SAFETY: the pointers are parts of one arena that lives as long as this object; workers write disjoint
/// rows.
final class Workspace {
    /// The residual stream, `[tokens, hidden]`.
    let tokens: UnsafeMutablePointer<Float>
    /// Attention's result before its output projection, `[tokens, hidden]`.
    let context: UnsafeMutablePointer<Float>
    let pooled: UnsafeMutablePointer<Float>

    /// What adapters' modules that mix tokens share between barriers.
    let mixing: UnsafeMutablePointer<Float>

    let sizes: Sizes
    /// The kernels of the current network; `nil` in fp32.
    private var gemm: QuantizedGEMM?
    /// What the current network multiplies with in fp32; `nil`: the BLAS library.
    private var floatGEMM: FloatGEMM?
    /// Measures every stage, where set.
    var stopwatch: Stopwatch?
    private let arena: UnsafeMutableRawPointer
    private let heads: UnsafeMutableRawPointer
    private let workerScratch: UnsafeMutableRawPointer

    /// Candidates for the rows of a block in int8 and bf16. A block passes through all steps between two
    /// attentions at once: its rows are whole tiles of the kernels, and few enough that its activations stay
    /// in a core's cache while the weights are streamed.
    private static let quantizedBlocks = [48, 42, 36, 30, 24]

    /// Rows of a block; even, because attention packs pairs of tokens.
    static func blockRows(_ network: AST, workers: Int) -> Int {
        let tokens = network.config.dimensions.tokens
        let share = (tokens + workers - 1) / workers
        // In fp32 every multiplication packs the weights again, so a worker gets one block.
        guard network.precision != .fp32 else { return (share + 1) / 2 * 2 }
        // The worker with the most blocks determines the time.
        func most(_ rows: Int) -> Int { ((tokens + rows - 1) / rows + workers - 1) / workers * rows }
        return quantizedBlocks.min { most($0) < most($1) } ?? share
    }

    /// Bytes of each part, enough for the largest of some networks.
    struct Sizes: Equatable {
        private(set) var plane = 0
        private(set) var pooled = 0
        /// The packed queries, keys and values of all heads.
        private(set) var heads = 0
        /// Per worker: normalised rows, wide rows, quantised rows, a panel of fp32 weights.
        private(set) var normed = 0
        private(set) var wide = 0
        private(set) var quantized = 0
        private(set) var panel = 0
        /// Per worker: what an adapter's module adds to the normalised rows; without modules nothing.
        private(set) var added = 0
        /// What adapters' modules that mix tokens share between barriers.
        private(set) var mixing = 0
        let workers: Int

        var perWorker: Int { normed + wide + quantized + panel + added }
        var total: Int { 2 * plane + pooled + heads + mixing + workers * perWorker }

        init(_ networks: [AST], workers: Int) {
            self.workers = workers
            for network in networks {
                let dimensions = network.config.dimensions
                let rows = Workspace.blockRows(network, workers: workers)
                plane = max(plane, floats(dimensions.tokens * dimensions.hidden))
                pooled = max(pooled, floats(dimensions.hidden))
                for attention in network.attentionKernels {
                    heads = max(
                        heads,
                        dimensions.heads
                            * attention.headBytes(tokens: dimensions.keys, width: dimensions.headWidth))
                    wide = max(
                        wide, attention.scratchBytes(tokens: dimensions.keys, width: dimensions.headWidth))
                }
                normed = max(normed, floats(rows * dimensions.hidden))
                // Wide rows hold patches, a projection with the prefix, the MLP's intermediate activations,
                // or attention's scores.
                let widest = max(
                    dimensions.hidden, dimensions.intermediate, dimensions.patch * dimensions.patch)
                wide = max(wide, floats(rows * widest))
                wide = max(wide, floats((rows + dimensions.prefixes) * dimensions.hidden))
                for module in network.adapterModules {
                    added = max(added, floats(rows * dimensions.hidden))
                    wide = max(wide, floats(module.scratchFloats(rows: rows)))
                    mixing = max(
                        mixing, Workspace.planes * floats(module.planeBytes / 4),
                        floats(module.sharedBytes / 4))
                }
                if let gemm = Workspace.floatGEMM(network) {
                    panel = max(panel, floats(gemm.scratchFloats))
                }
                if let gemm = QuantizedGEMM(network.precision) {
                    quantized = max(
                        quantized,
                        QuantizedRows.byteCount(
                            rows: rows, width: max(dimensions.hidden, dimensions.intermediate), gemm))
                }
            }
        }

        func hold(_ other: Sizes) -> Bool {
            plane >= other.plane && pooled >= other.pooled && heads >= other.heads
                && normed >= other.normed && wide >= other.wide && quantized >= other.quantized
                && panel >= other.panel && added >= other.added && mixing >= other.mixing
        }

        /// Bytes of `count` floats, rounded up to cache lines.
        private func floats(_ count: Int) -> Int { (4 * count + 63) / 64 * 64 }
    }

    init(_ sizes: Sizes) {
        self.sizes = sizes
        let arena = UnsafeMutableRawPointer.allocate(byteCount: max(64, sizes.total), alignment: 64)
        self.arena = arena
        func floats(_ offset: Int, _ bytes: Int) -> UnsafeMutablePointer<Float> {
            (arena + offset).bindMemory(to: Float.self, capacity: bytes / 4)
        }
        tokens = floats(0, sizes.plane)
        context = floats(sizes.plane, sizes.plane)
        pooled = floats(2 * sizes.plane, sizes.pooled)
        heads = arena + 2 * sizes.plane + sizes.pooled
        mixing = floats(2 * sizes.plane + sizes.pooled + sizes.heads, sizes.mixing)
        workerScratch = heads + sizes.heads + sizes.mixing
    }

    deinit { arena.deallocate() }

    /// Selects the kernels for the next pass.
    func select(_ network: AST) {
        gemm = QuantizedGEMM(network.precision)
        floatGEMM = Self.floatGEMM(network)
    }

    /// In int8 and bf16 the difference of a last bit can change how a number is rounded, and that the scores.
    /// So that they do not depend on the number of workers, nothing but kernels that compute every row by
    /// itself may compute the tokens. In fp32 the fastest multiplication is used.
    private static func floatGEMM(_ network: AST) -> FloatGEMM? {
        network.precision == .fp32 ? FloatGEMM() : .byRows
    }

    /// One head's packed queries, keys and values.
    func head(_ head: Int, _ dimensions: ModelDimensions, _ kernels: AttentionKernels) -> PackedHead {
        let bytes = kernels.headBytes(tokens: dimensions.keys, width: dimensions.headWidth)
        return PackedHead(
            memory: heads + head * bytes, tokens: dimensions.keys, width: dimensions.headWidth)
    }

    /// A worker's normalised rows, `[block, hidden]`.
    func normed(worker: Int) -> UnsafeMutablePointer<Float> {
        (workerScratch + worker * sizes.perWorker).assumingMemoryBound(to: Float.self)
    }

    /// A worker's rows of any width: patches, a projection, the MLP's intermediate activations, attention's
    /// scores.
    func wide(worker: Int) -> UnsafeMutablePointer<Float> {
        (workerScratch + worker * sizes.perWorker + sizes.normed).assumingMemoryBound(to: Float.self)
    }

    /// A worker's rows that a module adds, `[block, hidden]`; only for networks with modules.
    func added(worker: Int) -> UnsafeMutablePointer<Float> {
        (workerScratch + (worker + 1) * sizes.perWorker - sizes.added).assumingMemoryBound(to: Float.self)
    }

    /// tokens += x `[rows, width]`, for `rows`.
    func add(_ x: UnsafePointer<Float>, to rows: Range<Int>, width: Int) {
        let y = tokens + rows.lowerBound * width
        for index in 0..<rows.count * width { y[index] += x[index] }
    }

    /// The plane of gated channels, `[tokens, width]`, of a module that convolves along the tokens.
    ///
    /// Three planes take turns: some workers write the next half's plane while others read the last one's,
    /// of the same layer (after attention) or of the layer before (with its projections).
    func plane(step: Int) -> UnsafeMutablePointer<Float> {
        mixing + step % Self.planes * (sizes.mixing / Self.planes / 64 * 64 / 4)
    }

    private static let planes = 3

    /// Rows as input of linear layers, quantised into the worker's memory in int8 and bf16. Valid until the
    /// worker's next call.
    func input(_ floats: UnsafePointer<Float>, rows: Int, width: Int, worker: Int) -> LinearInput {
        guard let gemm, rows > 0 else {
            return floatInput(floats, rows: rows, width: width, worker: worker)
        }
        let memory = workerScratch + worker * sizes.perWorker + sizes.normed + sizes.wide
        let quantized = QuantizedRows(memory: memory, rows: rows, width: width, gemm)
        gemm.quantize(floats, rows: rows, width: width, into: quantized)
        return LinearInput(
            floats, rows: rows, width: width, quantized: quantized, panel: panel(worker: worker))
    }

    /// Rows as input of a linear layer that is computed in fp32 in every network.
    func floatInput(_ floats: UnsafePointer<Float>, rows: Int, width: Int, worker: Int) -> LinearInput {
        LinearInput(floats, rows: rows, width: width, panel: panel(worker: worker))
    }

    private func panel(worker: Int) -> FloatPanel? {
        let memory =
            workerScratch + worker * sizes.perWorker + sizes.normed + sizes.wide + sizes.quantized
        return floatGEMM.map { FloatPanel(gemm: $0, memory: memory.assumingMemoryBound(to: Float.self)) }
    }
}
