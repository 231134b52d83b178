internal import Capture
private import Frontend
private import Glibc
private import Inference
private import Recognizer
internal import Wire

/// Collects what `hello`, `status` and `metrics` report from the objects that count it.
///
/// Threading: any thread. Reading /proc may block, so reports are built on a queue of their own.
final class StatusBuilder: Sendable {
    private let facts: Facts
    private let pipeline: Pipeline
    private let ring: SampleRing
    private let adapters: AdapterShelf
    private let sourceMonitor: SourceMonitor
    private let hub: EventHub
    private let clients: ClientCounter
    private let clippedSamples: @Sendable () -> Int64
    private let startTime = ContinuousClock.now
    private let queue = BlockingQueue("astd-status")

    /// What does not change while the daemon runs.
    struct Facts: Sendable {
        var run: RunID
        var modelPath: String
        var modelName: String
        var threads: Int
        var hopSeconds: Double
    }

    init(
        facts: Facts, pipeline: Pipeline, ring: SampleRing, adapters: AdapterShelf,
        sourceMonitor: SourceMonitor,
        hub: EventHub,
        clients: ClientCounter, clippedSamples: @escaping @Sendable () -> Int64
    ) {
        self.facts = facts
        self.pipeline = pipeline
        self.ring = ring
        self.adapters = adapters
        self.sourceMonitor = sourceMonitor
        self.hub = hub
        self.clients = clients
        self.clippedSamples = clippedSamples
    }

    func hello() -> Hello {
        let active = adapters.snapshot.active
        return Hello(
            run: facts.run, model: facts.modelName, adapters: active.map(\.adapter),
            labels: active.first?.labels.count ?? 0,
            window: active.first?.windowSeconds ?? 0, hop: facts.hopSeconds)
    }

    func report() async -> StatusReport { await queue.run(build) }

    /// Metrics in Prometheus' text format.
    func metricsText() async -> String { await queue.run(buildMetrics) }

    private func build() -> StatusReport {
        let counters = pipeline.currentCounters
        let memory = ProcessMemory.current()
        let source = SourceReport(sourceMonitor.record)
        let active = adapters.snapshot.active
        let model = ModelReport(
            path: facts.modelPath, name: facts.modelName, labels: active.first?.labels.count ?? 0,
            activation: active.first?.activation.activation.rawValue ?? "",
            activationReason: active.first?.activation.reason ?? "",
            windowSeconds: active.first?.windowSeconds ?? 0, sampleRate: FrontendConfig.sampleRateHz)
        return StatusReport(
            state: StatusReport.State(source.state), run: facts.run, pid: Int(getpid()),
            uptimeSeconds: (ContinuousClock.now - startTime) / .seconds(1), model: model,
            adapters: active.map(\.adapter), precision: active.first?.precision ?? "",
            precisionCheck: active.first?.precisionCheck, threads: facts.threads,
            source: source, events: pipeline.activeEvents, hopSeconds: facts.hopSeconds,
            windows: counters.windows,
            skippedWindows: counters.skippedWindows, gatedWindows: counters.gatedWindows,
            overrunSamples: counters.overrunSamples, lostSamples: counters.lostSamples,
            pausedSamples: counters.pausedSamples, invalidSamples: UInt64(ring.unusableSamples),
            clippedSamples: UInt64(clippedSamples()),
            lastWindowMs: counters.lastWindowMilliseconds, meanWindowMs: counters.meanWindowMilliseconds,
            clients: clients.count, lostRecords: hub.lostRecords,
            memory: MemoryReport(
                rssBytes: UInt64(memory.residentBytes), anonymousBytes: UInt64(memory.anonymousBytes)))
    }

    private func buildMetrics() -> String {
        let counters = pipeline.currentCounters
        return MetricsText(
            build(), latency: counters.latency, events: counters.events, reconnects: sourceMonitor.reconnects,
            omittedClips: UInt64(pipeline.omittedClips), condition: sourceMonitor.condition
        ).text
    }
}

extension StatusReport.State {
    init(_ state: SourceRecord.State) {
        switch state {
        case .healthy: self = .listening
        case .paused: self = .paused
        case .lost, .recovering: self = .waiting
        }
    }
}
