/// The layer with an adapter's modules. A module that mixes tokens first takes the input of all rows and
/// gives its result behind a barrier, so ``EncoderLayer/finish(part:rows:of:_:worker:_:)`` has up to three
/// parts.
extension EncoderLayer {
    /// The steps after attention. A barrier may be before each but the first.
    enum Step: Int, Comparable {
        /// x += attention's output projection.
        case output
        case norm
        /// x += MLP.
        case mlp
        /// What the modules add last.
        case end

        static func < (a: Step, b: Step) -> Bool { a.rawValue < b.rawValue }
    }

    /// The steps, divided where a module mixes tokens.
    static func parts(_ attention: HalfAdapter?, _ mlp: HalfAdapter?) -> [ClosedRange<Step>] {
        var parts: [ClosedRange<Step>] = []
        var first = Step.output
        if attention?.waits(.after) == true {
            parts.append(first ... .output)
            first = .norm
        }
        if mlp?.waits(.before) == true {
            parts.append(first ... .norm)
            first = .mlp
        } else if mlp?.waits(.parallel, .after) == true {
            parts.append(first ... .mlp)
            first = .end
        }
        return parts + [first ... .end]
    }

    /// Whether the projections need a barrier before them; then ``projectMixed(rows:queryRows:_:worker:_:)``
    /// computes them.
    var projectsMixed: Bool { attentionAdapter?.waits(.before) == true }

    /// Computes queries, keys and values from the result of a module that mixes tokens.
    func projectMixed(
        rows: Range<Int>, queryRows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        let normed = space.normed(worker: worker)
        attentionAdapter?.replaceMixedInput(normed, rows: rows, space, worker: worker, kernels)
        attention.project(normed, rows: rows, queryRows: queryRows, space, worker: worker, kernels)
    }

    /// What a module of the attention half computes when all rows have been projected.
    func mixBeforeAttention(_ space: Workspace, _ pool: WorkerPool, _ kernels: Kernels) {
        attentionAdapter?.module.mix(space, pool, kernels)
    }

    /// What a module of the MLP half computes when all rows of a part are there.
    func mix(after part: Int, _ space: Workspace, _ pool: WorkerPool, _ kernels: Kernels) {
        if parts[part].upperBound == .mlp { mlpAdapter?.module.mix(space, pool, kernels) }
    }

    func finishAdapted(
        part: Int, rows: Range<Int>, of wanted: LayerRows, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) {
        space.stopwatch?.start(worker)
        let steps = parts[part]
        if steps.contains(.output) { addOutput(rows, space, worker: worker, kernels) }
        space.stopwatch?.lap(.output, worker)
        if steps.contains(.norm) { normalise(rows, space, worker: worker, kernels) }
        space.stopwatch?.lap(.norms, worker)
        if steps.contains(.mlp) { addMLP(rows, of: wanted, space, worker: worker, kernels) }
        if steps.contains(.end) { addLast(rows, space, worker: worker, kernels) }
        space.stopwatch?.lap(.mlp, worker)
    }

    private func addOutput(_ rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels) {
        guard let adapter = attentionAdapter, adapter.place != .before else {
            return attention.finish(rows: rows, space, worker: worker, kernels)
        }
        let normed = space.normed(worker: worker)
        if adapter.place == .parallel {
            if adapter.keepsInput || !adapter.module.mixesTokens {
                adapter.normalise(rows, into: normed, space, kernels)
            }
            if adapter.isRepeated {
                let added = space.added(worker: worker)
                adapter.give(normed, rows: rows, into: added, then: .store, space, worker: worker, kernels)
                space.add(added, to: rows, width: hidden)
            } else {
                adapter.add(normed, rows: rows, space, worker: worker, kernels)
            }
            adapter.keep(normed, rows: rows, space)
            attention.finish(rows: rows, space, worker: worker, kernels)
        } else {
            attention.finish(rows: rows, into: normed, space, worker: worker, kernels)
            adapter.keep(normed, rows: rows, space)
            if adapter.module.mixesTokens {
                adapter.take(normed, rows: rows, space, worker: worker, kernels)
            } else {
                adapter.add(normed, rows: rows, space, worker: worker, kernels)
            }
        }
    }

    private func normalise(_ rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels) {
        let normed = space.normed(worker: worker)
        if let attentionAdapter, attentionAdapter.waits(.after) {
            attentionAdapter.add(normed, rows: rows, space, worker: worker, kernels)
        }
        normAfter.apply(space.tokens + rows.lowerBound * hidden, into: normed, rows: rows.count, kernels)
        if let mlpAdapter, mlpAdapter.place == .before {
            _ = mlpAdapter.replaceInput(normed, rows: rows, space, worker: worker, kernels)
        }
    }

    private func addMLP(
        _ rows: Range<Int>, of wanted: LayerRows, _ space: Workspace, worker: Int, _ kernels: Kernels
    ) {
        let normed = space.normed(worker: worker)
        let tokens = space.tokens + rows.lowerBound * hidden
        switch mlpAdapter?.place {
        case .after:
            feedForward.apply(
                normed, into: normed, then: .store, rows: rows.count, space, worker: worker, kernels)
            mlpAdapter?.keep(normed, rows: rows, space)
            mlpAdapter?.take(normed, rows: rows, space, worker: worker, kernels)
            if mlpAdapter?.module.mixesTokens == false {
                mlpAdapter?.add(normed, rows: rows, space, worker: worker, kernels)
            }
            return
        case .before where mlpAdapter?.module.mixesTokens == true:
            mlpAdapter?.replaceMixedInput(normed, rows: rows, space, worker: worker, kernels)
        case .parallel:
            if let mlpAdapter {
                let x = mlpAdapter.input(normed, rows: rows, space, worker: worker, kernels)
                mlpAdapter.keep(x, rows: rows, space)
                mlpAdapter.take(x, rows: rows, space, worker: worker, kernels)
                if !mlpAdapter.module.mixesTokens {
                    mlpAdapter.add(x, rows: rows, space, worker: worker, kernels)
                }
            }
        default: break
        }
        // A module that mixes tokens reads more of them than the last layer has to compute.
        let own = rows.clamped(to: wanted.end)
        let first = (own.lowerBound - rows.lowerBound) * hidden
        feedForward.apply(
            normed + first, addingTo: tokens + first, rows: own.count, space, worker: worker, kernels)
    }

    private func addLast(_ rows: Range<Int>, _ space: Workspace, worker: Int, _ kernels: Kernels) {
        if let mlpAdapter, mlpAdapter.waits(.parallel, .after) {
            mlpAdapter.add(
                space.normed(worker: worker), rows: rows, space, worker: worker, kernels)
        }
        if attentionAdapter?.isRepeated == true {
            space.add(space.added(worker: worker), to: rows, width: hidden)
        }
    }
}

extension HalfAdapter {
    /// What the attention half's module does with the normalised tokens, the input of the projections.
    ///
    /// - Returns: Whether the projections may be computed now.
    func beforeAttention(
        _ normed: UnsafeMutablePointer<Float>, rows: Range<Int>, _ space: Workspace, worker: Int,
        _ kernels: Kernels
    ) -> Bool {
        switch place {
        case .after: return true
        case .before: return replaceInput(normed, rows: rows, space, worker: worker, kernels)
        case .parallel:
            if module.mixesTokens {
                let x = input(normed, rows: rows, space, worker: worker, kernels)
                take(x, rows: rows, space, worker: worker, kernels)
            }
            return true
        }
    }
}

/// The rows that each step of a layer must compute so that `end` is right.
struct LayerRows: Equatable {
    /// Queries, attention and output projection.
    let output: Range<Int>
    let norm: Range<Int>
    let mlp: Range<Int>
    let end: Range<Int>

    /// - Parameter end: The rows that the next layer or the pooling reads.
    init(end: Range<Int>, _ layer: EncoderLayer) {
        func reach(_ rows: Range<Int>, _ adapter: HalfAdapter?, _ places: [AdapterPlan.Place]) -> Range<Int> {
            guard let adapter, places.contains(adapter.place) else { return rows }
            return adapter.module.reach(of: rows, tokens: layer.tokens)
        }
        self.end = end
        mlp = reach(end, layer.mlpAdapter, [.parallel, .after])
        norm = reach(mlp, layer.mlpAdapter, [.before])
        output = reach(norm, layer.attentionAdapter, [.after])
    }

    subscript(_ step: EncoderLayer.Step) -> Range<Int> {
        switch step {
        case .output: output
        case .norm: norm
        case .mlp: mlp
        case .end: end
        }
    }
}
