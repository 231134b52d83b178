private import Glibc

/// A soft mixture of adapters (Puigcerver et al.: "From Sparse to Soft Mixtures of Experts", 2023,
/// arXiv:2308.00951). With Φ `[hidden, slots]`:
///
///     logits = n Φ               [tokens, slots]
///     inputs = softmax over the tokens (logits)ᵀ n      [slots, hidden]
///     outputs = each expert of its slots
///     result = softmax over the slots (logits) outputs
///
/// All tokens must be there before an expert computes, so there are two more barriers: workers first sum
/// fixed chunks of the tokens, with a running maximum each, then they compute experts. The chunks do not
/// depend on the number of workers, so neither do the sums.
struct SoftMixture {
    private let experts: [RowModule]
    /// `[hidden, slots]`.
    private let slotParameters: Tensor
    private let pages: PrivatePages
    private let isNormalised: Bool
    var tokens: Int
    private let hidden: Int
    private let slotsPerExpert: Int

    private var slots: Int { experts.count * slotsPerExpert }
    private var chunks: Int { (tokens + Self.chunkRows - 1) / Self.chunkRows }

    private static let chunkRows = 64
    /// Added to lengths in the published code.
    private static let lengthEpsilon: Float = 1e-6

    /// - Parameter name: The module's name with a trailing dot.
    init(
        _ weights: Weights, _ name: String, _ block: AdapterPlan.Block, isNormalised: Bool, hidden: Int,
        tokens: Int
    ) throws(ModelError) {
        let shape = weights.shape(of: name + "slot_params") ?? []
        let (count, perExpert) = shape.count == 3 ? (shape[1], shape[2]) : (0, 0)
        let own = try weights.tensor(name + "slot_params", [hidden, count, perExpert])
        var experts: [RowModule] = []
        for expert in 0..<count {
            experts.append(try RowModule(weights, "\(name)moa.\(expert).", block, hidden: hidden))
        }
        pages = try PrivatePages(floatCounts: [own.count], for: name)
        slotParameters = Tensor(pointer: pages.allocate(own.count), shape: [hidden, count * perExpert])
        slotParameters.pointer.update(from: own.pointer, count: own.count)
        if isNormalised {
            let scale = try weights.tensor(name + "scale", []).pointer[0]
            Self.normalise(slotParameters, experts: count, perExpert: perExpert, scale: scale)
        }
        pages.makeReadOnly()
        self.experts = experts
        self.isNormalised = isNormalised
        self.hidden = hidden
        self.tokens = tokens
        slotsPerExpert = perExpert
    }

    /// Divides the parameters `[hidden, experts, slots of one]` by their length over the experts: the
    /// published code normalises axis 1, not the hidden one.
    private static func normalise(_ parameters: Tensor, experts: Int, perExpert: Int, scale: Float) {
        for row in 0..<parameters.rows {
            let values = parameters.pointer + row * experts * perExpert
            for slot in 0..<perExpert {
                let places = stride(from: slot, to: experts * perExpert, by: perExpert)
                let squares = places.reduce(0.0) { $0 + Double(values[$1]) * Double(values[$1]) }
                let factor = scale / (Float(squares.squareRoot()) + lengthEpsilon)
                for place in places { values[place] *= factor }
            }
        }
    }

    /// Floats of a worker's scratch memory: an expert's channels, or a chunk's logits; behind them an
    /// expert's results.
    var scratchFloats: Int {
        let widest = experts.map(\.width).max() ?? 0
        return max(slotsPerExpert * (widest + hidden), Self.chunkRows * slots)
    }

    /// Keeps the normalised tokens `rows`, `[rows, hidden]`, for the chunks: in the memory of attention's
    /// results, which is free from the output projection of a layer to its next attention.
    func take(_ x: UnsafePointer<Float>, rows: Range<Int>, _ space: Workspace, _ kernels: Kernels) {
        let kept = space.context + rows.lowerBound * hidden
        kept.update(from: x, count: rows.count * hidden)
        if isNormalised {
            kernels.normalise(kept, rows: rows.count, width: hidden, epsilon: Self.lengthEpsilon)
        }
    }

    /// Computes all slots, when all tokens have been taken.
    func mix(_ space: Workspace, _ pool: WorkerPool, _ kernels: Kernels) {
        pool.distribute(chunks) { worker, chunk in
            sum(chunk: chunk, space, worker: worker, kernels)
        }
        pool.distribute(experts.count) { worker, expert in
            compute(expert: expert, space, worker: worker, kernels)
        }
    }

    /// Sums the tokens of a chunk for every slot, weighted by exp(logit - the chunk's maximum), and computes
    /// the weights with which its tokens combine the slots' outputs.
    private func sum(chunk: Int, _ space: Workspace, worker: Int, _ kernels: Kernels) {
        let memory = Memory(self, space.mixing)
        let first = chunk * Self.chunkRows
        let rows = min(Self.chunkRows, tokens - first)
        let x = space.context + first * hidden
        let logits = memory.combine + first * slots
        SGEMM.multiply(
            rows: rows, columns: slots, inner: hidden, x, stride: hidden, slotParameters.pointer,
            stride: slots, beta: 0, logits, stride: slots)
        let dispatch = space.wide(worker: worker)
        for row in 0..<rows {
            for slot in 0..<slots { dispatch[slot * rows + row] = logits[row * slots + slot] }
        }
        kernels.exponentials(
            dispatch, rows: slots, width: rows, maxima: memory.maxima + chunk * slots,
            sums: memory.totals + chunk * slots)
        SGEMM.multiply(
            rows: slots, columns: hidden, inner: rows, dispatch, stride: rows, x, stride: hidden, beta: 0,
            memory.partials + chunk * slots * hidden, stride: hidden)
        kernels.softmax(logits, rows: rows, width: slots)
    }

    /// Adds the chunks up for the slots of one expert, and computes them.
    private func compute(expert: Int, _ space: Workspace, worker: Int, _ kernels: Kernels) {
        let memory = Memory(self, space.mixing)
        let own = expert * slotsPerExpert..<(expert + 1) * slotsPerExpert
        for slot in own {
            let input = memory.inputs + slot * hidden
            input.update(repeating: 0, count: hidden)
            let maximum = (0..<chunks).reduce(-Float.infinity) {
                max($0, memory.maxima[$1 * slots + slot])
            }
            var total: Float = 0
            for chunk in 0..<chunks {
                let factor = expf(memory.maxima[chunk * slots + slot] - maximum)
                total += factor * memory.totals[chunk * slots + slot]
                let partial = memory.partials + (chunk * slots + slot) * hidden
                for index in 0..<hidden { input[index] += factor * partial[index] }
            }
            for index in 0..<hidden { input[index] /= total }
        }
        let module = experts[expert]
        let outputs = space.wide(worker: worker) + slotsPerExpert * module.width
        module.apply(
            memory.inputs + own.lowerBound * hidden, rows: own.count, into: outputs, then: .store, space,
            worker: worker, kernels)
        for (row, slot) in own.enumerated() {
            for index in 0..<hidden { memory.outputs[index * slots + slot] = outputs[row * hidden + index] }
        }
    }

    /// Computes the results of the tokens `rows` into y `[rows, hidden]`, or adds them to it.
    func give(
        rows: Range<Int>, into y: UnsafeMutablePointer<Float>, then epilogue: Epilogue, _ space: Workspace,
        worker: Int, _ kernels: Kernels
    ) {
        let memory = Memory(self, space.mixing)
        let weights = space.floatInput(
            memory.combine + rows.lowerBound * slots, rows: rows.count, width: slots, worker: worker)
        weights.multiply(
            by: memory.outputs, outputs: hidden, bias: nil, into: y, then: epilogue, kernels)
    }

    /// Bytes of the memory that workers share between the barriers.
    var sharedBytes: Int { MemoryLayout<Float>.size * Memory.floats(self) }

    /// The parts of that memory.
    private struct Memory {
        /// `[tokens, slots]`.
        let combine: UnsafeMutablePointer<Float>
        /// `[chunks, slots, hidden]`.
        let partials: UnsafeMutablePointer<Float>
        /// `[chunks, slots]` each.
        let maxima: UnsafeMutablePointer<Float>
        let totals: UnsafeMutablePointer<Float>
        /// `[slots, hidden]`.
        let inputs: UnsafeMutablePointer<Float>
        /// `[hidden, slots]`.
        let outputs: UnsafeMutablePointer<Float>

        init(_ mixture: SoftMixture, _ start: UnsafeMutablePointer<Float>) {
            let (slots, hidden, chunks) = (mixture.slots, mixture.hidden, mixture.chunks)
            combine = start
            partials = combine + mixture.tokens * slots
            maxima = partials + chunks * slots * hidden
            totals = maxima + chunks * slots
            inputs = totals + chunks * slots
            outputs = inputs + slots * hidden
        }

        static func floats(_ mixture: SoftMixture) -> Int {
            let (slots, hidden, chunks) = (mixture.slots, mixture.hidden, mixture.chunks)
            return slots * (mixture.tokens + chunks * (hidden + 2) + 2 * hidden)
        }
    }
}
