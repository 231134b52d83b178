internal import Capture
internal import Recognizer
internal import Wire

/// The engine thread: one loop for all sources, with one network.
///
///     ring ─► Pipeline ─┐
///     ring ─► Pipeline ─┼─ whose next window has waited longest? ─► WindowScorer
///     ring ─► Pipeline ─┘
///
/// Each turn obeys the commands, lets every pipeline process what was captured meanwhile, and classifies one
/// window. When passes take longer than all hops together, each source therefore skips its share of windows.
///
/// SAFETY: unchecked because everything but `commands`, which is synchronised, belongs to the engine thread.
final class EngineLoop: @unchecked Sendable {
    let commands: EngineMailbox
    private let signal: WakeSignal
    private let scorer: WindowScorer
    private let hub: EventHub
    private var pipelines: [Pipeline]
    private var watchdog: EngineWatchdog?
    private var isStopping = false

    /// A tenth of a second.
    private static let blockSamples = 1600
    /// Longest wait for samples or commands, as often as ``NoDataWatchdog`` wants to be called.
    private static let waitSeconds = 0.5

    /// - Parameter signal: Of the rings of all pipelines, and of `commands`.
    init(
        _ pipelines: [Pipeline], commands: EngineMailbox, signal: WakeSignal, scorer: WindowScorer,
        hub: EventHub, watchdog: EngineWatchdog? = nil
    ) {
        self.pipelines = pipelines
        self.commands = commands
        self.signal = signal
        self.scorer = scorer
        self.hub = hub
        self.watchdog = watchdog
        hub.retain(.adapter(AdapterRecord(adapters: scorer.variants.map(\.adapter))))
    }

    /// Blocks its thread until all streams have ended, or ``EngineCommand/stop``.
    ///
    /// - Throws: ``PipelineError``.
    func run() throws(PipelineError) {
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.blockSamples)
        defer {
            block.deallocate()
            for pipeline in pipelines { pipeline.close() }
            commands.close()
        }
        while true {
            watchdog?.progress()
            while let command = commands.dequeue() { obey(command) }
            if isStopping { return }
            for pipeline in pipelines { try pipeline.advance(into: block) }
            if let pipeline = longestWaiting {
                try pipeline.classifyNextWindow()
                if pipeline.hasEnded { remove(pipeline) }
            } else if pipelines.isEmpty {
                return
            } else {
                signal.wait(timeoutSeconds: Self.waitSeconds) { pipelines.contains(where: \.hasNews) }
            }
        }
    }

    /// The pipeline whose next window has been complete for the longest time; `nil` when none has one.
    private var longestWaiting: Pipeline? {
        var longest: (pipeline: Pipeline, since: Int64)?
        for pipeline in pipelines {
            guard let since = pipeline.nextWindowNanos, since < longest?.since ?? .max else { continue }
            longest = (pipeline, since)
        }
        return longest?.pipeline
    }

    private func remove(_ pipeline: Pipeline) {
        pipelines.removeAll { $0 === pipeline }
        pipeline.close()
    }

    private func obey(_ command: EngineCommand) {
        switch command {
        case .stop: isStopping = true
        case .replaceVariants(let replacement): replaceVariants(replacement)
        }
    }

    private func replaceVariants(_ replacement: VariantReplacement) {
        let dequeued = ContinuousClock.now
        let replaced = scorer.replaceVariants(with: replacement.variants)
        for pipeline in pipelines { pipeline.variantsChanged() }
        hub.publish(.adapter(AdapterRecord(adapters: scorer.variants.map(\.adapter))))
        replacement.complete(.init(replaced: replaced, dequeued: dequeued))
    }
}
