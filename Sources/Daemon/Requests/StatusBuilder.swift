internal import Capture
private import Frontend
private import Glibc
private import Inference
private import Recognizer
private import Settings
internal import Wire

/// Collects what `hello`, `status` and `metrics` report from the objects that count it.
///
/// Threading: any thread. Reading /proc may block, so reports are built on a queue of their own.
final class StatusBuilder: Sendable {
    private let facts: Facts
    private let sources: SourceSet
    private let adapters: LoadedAdapters
    private let hub: EventHub
    private let clients: ClientCounter
    private let load: LoadReport
    private let startTime = ContinuousClock.now
    private let queue = BlockingQueue("astd-status")

    /// What does not change while the daemon runs.
    struct Facts: Sendable {
        var run: RunID
        var modelPath: String
        var modelName: String
        var threads: Int
    }

    init(
        facts: Facts, sources: SourceSet, adapters: LoadedAdapters, hub: EventHub, clients: ClientCounter,
        load: LoadReport
    ) {
        self.facts = facts
        self.sources = sources
        self.adapters = adapters
        self.hub = hub
        self.clients = clients
        self.load = load
    }

    func hello() -> Hello {
        let all = sources.all
        let active = adapters.snapshot.active
        return Hello(
            run: facts.run, model: facts.modelName, adapters: active.map(\.adapter),
            labels: active.first?.labels.count ?? 0,
            window: active.first?.windowSeconds ?? 0, hop: Self.shortestHop(all),
            sources: all.compactMap(\.name), paused: Self.pauseMessage(all.map(\.monitor.record)))
    }

    /// Why all sources are paused; `nil` when one of them is not.
    private static func pauseMessage(_ records: [SourceRecord]) -> String? {
        guard StatusReport.State(records.map(\.state)) == .paused else { return nil }
        var messages: [String] = []
        for case let message? in records.map(\.message) where !messages.contains(message) {
            messages.append(message)
        }
        return messages.joined(separator: "; ")
    }

    private static func shortestHop(_ sources: [DaemonSource]) -> Double {
        sources.map(\.hopSeconds).min() ?? 0
    }

    /// - Parameter source: Its name; `nil`: all.
    /// - Throws: ``RPCError`` for an unknown name.
    func report(source: String?) async throws(RPCError) -> StatusReport {
        let selected = try sources.selected(source)
        return await queue.run { self.build(selected) }
    }

    /// Metrics in Prometheus' text format.
    ///
    /// - Throws: ``RPCError`` for an unknown name.
    func metricsText(source: String? = nil) async throws(RPCError) -> String {
        let selected = try sources.selected(source)
        return await queue.run { MetricsText(self.build(selected), selected.map(SourceMetrics.init)).text }
    }

    private func build(_ sources: [DaemonSource]) -> StatusReport {
        let counters = sources.map(\.pipeline.currentCounters)
        let records = sources.map(\.monitor.record)
        let memory = ProcessMemory.current()
        let (active, sets) = (adapters.snapshot.active, adapters.snapshot.sets)
        let model = ModelReport(
            path: facts.modelPath, name: facts.modelName, labels: active.first?.classes ?? 0,
            activation: active.first?.activation.activation.rawValue ?? "",
            activationReason: active.first?.activation.reason ?? "",
            windowSeconds: active.first?.windowSeconds ?? 0, sampleRate: FrontendConfig.sampleRateHz)
        var report = StatusReport(
            state: StatusReport.State(records.map(\.state)), run: facts.run, pid: Int(getpid()),
            uptimeSeconds: (ContinuousClock.now - startTime) / .seconds(1), model: model,
            adapters: active.map(\.adapter), precision: active.first?.precision ?? "",
            precisionCheck: active.first?.precisionCheck, threads: facts.threads,
            source: sources.first { $0.name == nil }.map { SourceReport($0.monitor.record) },
            sources: sources.compactMap { SourceStatus($0, sets) },
            events: sources.flatMap(\.pipeline.activeEvents),
            hopSeconds: Self.shortestHop(sources),
            counters: sources.map(\.counters).reduce(SourceCounters(), +),
            lastWindowMs: counters.lazy.compactMap(\.lastWindowMilliseconds).first,
            meanWindowMs: PipelineCounters.meanWindowMilliseconds(of: counters),
            clients: clients.count, lostRecords: hub.lostRecords,
            memory: MemoryReport(
                rssBytes: UInt64(memory.residentBytes), anonymousBytes: UInt64(memory.anonymousBytes)))
        report.shortestHopSeconds = load.shortestHopSeconds
        report.hopProblem = load.problem
        return report
    }
}

extension SourceStatus {
    /// `nil` for a source without a name.
    fileprivate init?(_ source: DaemonSource, _ sets: VariantSets) {
        guard let name = source.name else { return nil }
        let adapters = sets.own.isEmpty ? nil : AdapterRecord(adapters: sets[name].map(\.adapter)).adapters
        self.init(
            source: name, report: SourceReport(source.monitor.record), adapters: adapters,
            hopSeconds: source.hopSeconds, counters: source.counters)
        channel = source.stream.channel?.number
    }
}

extension SourceMetrics {
    fileprivate init(_ source: DaemonSource) {
        let counters = source.pipeline.currentCounters
        let sound = source.monitor.sound
        self.init(
            name: source.name, state: source.monitor.record.state, hopSeconds: source.hopSeconds,
            counters: source.counters, latency: counters.latency, events: counters.events,
            reconnects: source.monitor.reconnects, omittedClips: UInt64(source.pipeline.omittedClips),
            condition: sound.condition, levelDBFS: counters.levelDBFS, signal: sound.signal)
    }
}

extension StatusReport.State {
    /// Listening when any source is; paused when no other state is left.
    init(_ states: [SourceRecord.State]) {
        if states.contains(.healthy) {
            self = .listening
        } else if states.contains(.lost) || states.contains(.recovering) {
            self = .waiting
        } else {
            self = states.contains(.paused) ? .paused : .waiting
        }
    }
}
