internal import Capture
internal import Recognizer
internal import Wire

/// The engine thread: one loop for all sources, with one network.
///
///     ring ─► Pipeline ─┐
///     ring ─► Pipeline ─┼─ a window complete, longest without a turn ─► WindowScorer
///     ring ─► Pipeline ─┘
///
/// Each round obeys the commands, lets every pipeline process what was captured meanwhile, and classifies one
/// window, of the source that has waited longest for its turn. When passes take longer than all hops
/// together, the sources take turns, and each skips its share of windows.
///
/// SAFETY: unchecked because everything but `commands`, which is synchronised, belongs to the engine thread.
final class EngineLoop: @unchecked Sendable {
    let commands: EngineMailbox
    private let signal: WakeSignal
    private let scorer: WindowScorer
    private var sets: VariantSets
    private let hub: EventHub
    /// The longer ago its last turn, the further in front.
    private var pipelines: [Pipeline]
    private var watchdog: EngineWatchdog?
    private var budget: ProcessorBudget?
    private var isStopping = false
    /// Called when a stream has ended and its last window is classified.
    private let onEnd: (Pipeline) -> Void
    /// Called on the engine thread with the load of the live sources, before the first window.
    private let onMeasured: ((PassLoad) -> Void)?

    /// A tenth of a second.
    private static let blockSamples = 1600
    /// Longest wait for samples or commands, as often as ``NoDataWatchdog`` wants to be called.
    private static let waitSeconds = 0.5

    /// - Parameters:
    ///   - signal: Of the rings of all pipelines, and of `commands`.
    ///   - sets: Of the scorer's variants; `nil`: every source uses all variants.
    ///   - processorLimit: Processors that the whole process may use; `nil`: no limit.
    ///   - onMeasured: Called on the engine thread with the load of the live sources, before the first
    ///     window; `nil`: nothing is measured.
    ///   - onEnd: Called on the engine thread when a stream has ended and its last window is classified. It
    ///     posts ``EngineCommand/stop`` when no other stream is to come.
    init(
        _ pipelines: [Pipeline], commands: EngineMailbox, signal: WakeSignal, scorer: WindowScorer,
        sets: VariantSets? = nil, hub: EventHub, watchdog: EngineWatchdog? = nil,
        processorLimit: Double? = nil, onMeasured: ((PassLoad) -> Void)? = nil,
        onEnd: @escaping (Pipeline) -> Void
    ) {
        self.pipelines = pipelines
        self.onMeasured = onMeasured
        budget = processorLimit.map(ProcessorBudget.init(limit:))
        self.onEnd = onEnd
        self.commands = commands
        self.signal = signal
        self.scorer = scorer
        self.hub = hub
        self.watchdog = watchdog
        self.sets = sets ?? VariantSets(common: scorer.variants)
        for record in adapterRecords { hub.retain(.adapter(record)) }
    }

    /// Blocks its thread until ``EngineCommand/stop``.
    ///
    /// - Throws: ``PipelineError``.
    func run() throws(PipelineError) {
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.blockSamples)
        defer {
            block.deallocate()
            for pipeline in pipelines { pipeline.close() }
            commands.close()
        }
        measureLoad()
        while true {
            watchdog?.progress()
            while let command = commands.dequeue() { obey(command) }
            if isStopping { return }
            for pipeline in pipelines { try pipeline.advance(into: block) }
            let delay = max(0, (budget?.nextStart ?? 0) - ProcessorBudget.Reading.now.elapsed)
            if delay == 0, let index = pipelines.firstIndex(where: \.isDue) {
                let pipeline = pipelines.remove(at: index)
                pipelines.append(pipeline)
                let begin = ProcessorBudget.Reading.now
                let passes = pipeline.currentCounters.passes
                try pipeline.classifyNextWindow()
                if pipeline.currentCounters.passes != passes { budget?.process(begin: begin, end: .now) }
                adaptHop(of: pipeline)
                if pipeline.hasEnded { remove(pipeline) }
            } else {
                let timeout = delay > 0 ? min(delay, Self.waitSeconds) : Self.waitSeconds
                signal.wait(timeoutSeconds: timeout) { pipelines.contains(where: \.hasNews) }
            }
        }
    }

    private func adaptHop(of pipeline: Pipeline) {
        guard pipeline.hopController != nil else { return }
        let load = PassLoad(streams: pipelines.filter { !$0.source.waitsForReader }.map(\.load))
        let byProcessor = budget?.hopSeconds(sources: load.streams.count) ?? 0
        pipeline.adaptHop(demandSeconds: max(load.adaptiveHopSeconds, byProcessor))
    }

    /// Measures the passes while the first windows fill. Sources that wait for their reader keep any hop.
    private func measureLoad() {
        let live = pipelines.filter { !$0.source.waitsForReader }
        guard let onMeasured, !live.isEmpty else { return }
        var seconds: [String?: Double] = [:]
        for variant in scorer.variants {
            seconds[variant.adapter] = scorer.passSeconds(of: variant) { watchdog?.progress() }
        }
        let streams = live.map { pipeline in
            var load = pipeline.load
            if let longest = pipeline.hopController?.range.upperBound {
                load.hopSeconds = Double(longest) / 100
            }
            load.passSeconds = sets[pipeline.name].reduce(0) { $0 + (seconds[$1.adapter] ?? 0) }
            return load
        }
        onMeasured(PassLoad(streams: streams))
    }

    private func remove(_ pipeline: Pipeline) {
        pipelines.removeAll { $0 === pipeline }
        pipeline.close()
        onEnd(pipeline)
    }

    private func obey(_ command: EngineCommand) {
        switch command {
        case .stop: isStopping = true
        case .replaceVariants(let replacement): replaceVariants(replacement)
        case .add(let pipeline):
            // Other variants may classify since it was made.
            pipeline.variantsChanged(to: sets[pipeline.name])
            pipelines.append(pipeline)
        }
    }

    private func replaceVariants(_ replacement: VariantReplacement) {
        let dequeued = ContinuousClock.now
        sets = replacement.sets
        let replaced = scorer.replaceVariants(with: sets.all)
        for pipeline in pipelines { pipeline.variantsChanged(to: sets[pipeline.name]) }
        for record in adapterRecords { hub.publish(.adapter(record)) }
        replacement.complete(.init(replaced: replaced, dequeued: dequeued))
    }

    /// The variants of all sources, followed by those of sources that have their own.
    private var adapterRecords: [AdapterRecord] {
        [AdapterRecord(adapters: sets.common.map(\.adapter))]
            + sets.own.sorted { $0.key < $1.key }.map { source, variants in
                AdapterRecord(source: source, adapters: variants.map(\.adapter))
            }
    }
}
