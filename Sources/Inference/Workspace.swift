/// Every activation of the forward pass, in one allocation that is made once.
///
/// SAFETY: the pointers are parts of one arena that lives as long as this object; workers write disjoint rows.
final class Workspace {
    /// The residual stream, `[tokens, hidden]`.
    let tokens: UnsafeMutablePointer<Float>
    /// LayerNorm's output, `[tokens, hidden]`.
    let normed: UnsafeMutablePointer<Float>
    let queries: UnsafeMutablePointer<Float>
    let keys: UnsafeMutablePointer<Float>
    let values: UnsafeMutablePointer<Float>
    /// Attention's result before its output projection, `[tokens, hidden]`. Shares `normed`'s memory: the
    /// normalised tokens are dead once queries, keys and values are made.
    var context: UnsafeMutablePointer<Float> { normed }
    let pooled: UnsafeMutablePointer<Float>

    let sizes: Sizes
    private let arena: UnsafeMutablePointer<Float>
    private let scratch: UnsafeMutablePointer<Float>
    private let quantised: UnsafeMutablePointer<Float>
    private let heads: UnsafeMutablePointer<Float>
    /// Whether the network at hand multiplies in 8 bits.
    private var quantises = false
    /// How the network at hand attends, where it does not in fp32.
    private(set) var narrowAttention: AttentionKernels?
    private var scratchPerWorker: Int { sizes.scratchPerWorker }

    /// Room for the largest of some networks, in floats.
    struct Sizes: Equatable {
        private(set) var plane = 0
        private(set) var pooled = 0
        private(set) var scratchPerWorker = 0
        /// Bytes for quantised rows; 0 where nothing is quantised.
        private(set) var quantisedPerWorker = 0
        /// Floats for the packed keys and values of all heads; 0 where attention is fp32.
        private(set) var packedHeads = 0
        let workers: Int

        init(_ networks: [AST], workers: Int) {
            self.workers = workers
            for network in networks {
                let geometry = network.config.geometry
                plane = max(plane, padded(geometry.tokens * geometry.hidden))
                pooled = max(pooled, padded(geometry.hidden))
                // A worker's scratch holds attention scores, or the wide activations, or the patches of its rows.
                let rows = (geometry.tokens + workers - 1) / workers + 1
                let scores = SelfAttention.queryBlock * (geometry.tokens + 1)
                scratchPerWorker = max(
                    scratchPerWorker,
                    padded(max(scores, rows * geometry.intermediate, rows * geometry.patch * geometry.patch)))
                if network.precision == .int8 {
                    let width = max(geometry.hidden, geometry.intermediate)
                    quantisedPerWorker = max(
                        quantisedPerWorker, QuantisedRows.byteCount(rows: rows, width: width))
                    guard AttentionKernels.forThisProcessor != nil else { continue }
                    packedHeads = max(packedHeads, geometry.heads * Self.packedHead(geometry))
                    let bytes = AttentionKernels.scratchBytes(
                        tokens: geometry.tokens, width: geometry.headWidth)
                    scratchPerWorker = max(scratchPerWorker, padded((bytes + 3) / 4))
                }
            }
        }

        /// Floats of one head, whole cache lines.
        static func packedHead(_ geometry: Geometry) -> Int {
            let elements = AttentionKernels.headCount(tokens: geometry.tokens, width: geometry.headWidth)
            return (elements / 2 + 15) / 16 * 16
        }

        func hold(_ other: Sizes) -> Bool {
            packedHeads >= other.packedHeads && quantisedPerWorker >= other.quantisedPerWorker
                && plane >= other.plane && pooled >= other.pooled
                && scratchPerWorker >= other.scratchPerWorker
        }

        private func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    }

    init(_ sizes: Sizes) {
        self.sizes = sizes
        let plane = sizes.plane
        let floats = 5 * plane + sizes.pooled + sizes.workers * sizes.scratchPerWorker
        let quantisedFloats = sizes.workers * (sizes.quantisedPerWorker / 4)
        let total = floats + quantisedFloats + sizes.packedHeads
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: total * 4, alignment: 64)
        arena = bytes.bindMemory(to: Float.self, capacity: total)
        tokens = arena
        normed = arena + plane
        queries = arena + 2 * plane
        keys = arena + 3 * plane
        values = arena + 4 * plane
        pooled = arena + 5 * plane
        scratch = arena + 5 * plane + sizes.pooled
        quantised = arena + floats
        heads = arena + floats + quantisedFloats
    }

    /// What follows is for this network.
    func serve(_ network: AST) {
        quantises = network.precision == .int8
        narrowAttention = quantises ? AttentionKernels.forThisProcessor : nil
    }

    /// One head's packed keys and values.
    func packedHead(_ head: Int, _ geometry: Geometry) -> UnsafeMutablePointer<UInt16> {
        let floats = Sizes.packedHead(geometry)
        return UnsafeMutableRawPointer(heads + head * floats)
            .bindMemory(to: UInt16.self, capacity: 2 * floats)
    }

    /// Rows for linear layers to read, quantised into the worker's memory where the network multiplies in 8 bits.
    /// They are valid until the worker's next call.
    func input(
        _ floats: UnsafePointer<Float>, rows: Int, width: Int, worker: Int, _ kernels: Kernels
    ) -> LinearInput {
        guard quantises, rows > 0 else { return LinearInput(floats, rows: rows, width: width) }
        let memory = quantised + worker * (sizes.quantisedPerWorker / 4)
        let quantised = QuantisedRows(memory: memory, rows: rows, width: width)
        kernels.int8.quantise(floats, rows: rows, width: width, into: quantised)
        return LinearInput(floats, rows: rows, width: width, quantised: quantised)
    }

    deinit { arena.deallocate() }

    /// Scratch for attention scores, `[queryBlock, tokens]`, then `[queryBlock]` row sums.
    func scores(worker: Int) -> UnsafeMutablePointer<Float> { scratch + worker * scratchPerWorker }

    /// Scratch for the rows of one worker between the two layers of the perceptron.
    func wide(worker: Int) -> UnsafeMutablePointer<Float> { scratch + worker * scratchPerWorker }

    /// Scratch for the patches of one worker's rows.
    func patches(worker: Int) -> UnsafeMutablePointer<Float> { scratch + worker * scratchPerWorker }
}
