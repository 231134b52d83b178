internal import Capture
private import Frontend
private import Glibc
private import Inference
private import NIOConcurrencyHelpers
private import Recognizer
private import ServiceLifecycle
internal import TextSupport
internal import Wire

/// Answers the requests on `astd.sock`.
final class Requests: RequestHandler {
    private let facts: Facts
    private let pipeline: Pipeline
    private let adapters: AdapterShelf
    private let detection: EventDetection
    private let reload: Reload
    private let hub: EventHub
    private let files: FileEngine
    private let source: any AudioSource
    private let sourceWatch: SourceWatch
    private let began = ContinuousClock.now
    private let clientCount = NIOLockedValueBox<(@Sendable () -> Int)?>(nil)
    private let shutdown: @Sendable () -> Void

    /// What does not change while the daemon runs.
    struct Facts: Sendable {
        var modelPath: String
        var modelName: String
        var threads: Int
        var precision: String
        var hopSeconds: Double
        var listensToPulse: Bool
    }

    init(
        facts: Facts, source: any AudioSource, sourceWatch: SourceWatch, pipeline: Pipeline,
        adapters: AdapterShelf, detection: EventDetection, reload: Reload,
        hub: EventHub, files: FileEngine, shutdown: @escaping @Sendable () -> Void
    ) {
        self.facts = facts
        self.pipeline = pipeline
        self.adapters = adapters
        self.detection = detection
        self.reload = reload
        self.hub = hub
        self.files = files
        self.shutdown = shutdown
        self.source = source
        self.sourceWatch = sourceWatch
    }

    /// The sockets exist after their request handler; they are counted from here on.
    func countClients(_ count: @escaping @Sendable () -> Int) { clientCount.withLockedValue { $0 = count } }

    func hello() -> Hello {
        let active = adapters.snapshot.active
        return Hello(
            model: facts.modelName, adapters: active.map(\.adapter), labels: active.first?.labels.count ?? 0,
            window: active.first?.windowSeconds ?? 0, hop: facts.hopSeconds)
    }

    func handle(
        method: String, params: JSONObject, from client: RequestClient
    ) async -> Result<JSONText, RPCError> {
        switch method {
        case "status": .success(JSONText(status()))
        case "labels": labels(params)
        case "adapter.list", "adapter.load", "adapter.use", "adapter.unload":
            await AdapterRequests(adapters).handle(method: method, params: params)
        case "classify": await FileRequests(files, adapters).classify(params, for: client)
        case "explain": explain(params)
        case "reload": .success(JSONText(await reload.run()))
        case "sources": sources()
        case "metrics": metrics()
        case "pause": pause(true)
        case "resume": pause(false)
        case "shutdown": stop()
        default: .failure(.methodNotFound(method))
        }
    }

    private func status() -> StatusReport {
        let counters = pipeline.currentCounters
        let memory = ProcessMemory.current()
        let source = sourceWatch.report
        let active = adapters.snapshot.active
        let model = ModelReport(
            path: facts.modelPath, name: facts.modelName, labels: active.first?.labels.count ?? 0,
            windowSeconds: active.first?.windowSeconds ?? 0, sampleRate: FrontendConfig.sampleRateHz)
        return StatusReport(
            state: Self.word(for: source.state), pid: Int(getpid()),
            uptimeSeconds: (ContinuousClock.now - began) / .seconds(1), model: model,
            adapters: active.map(\.adapter), precision: facts.precision, threads: facts.threads,
            source: source,
            hopSeconds: facts.hopSeconds, windows: counters.windows, skippedWindows: counters.skippedWindows,
            gatedWindows: counters.gatedWindows,
            overrunSamples: counters.overrunSamples, lostSamples: counters.lostSamples,
            pausedSamples: counters.pausedSamples,
            lastWindowMs: counters.lastWindowMilliseconds, meanWindowMs: counters.meanWindowMilliseconds,
            clients: clientCount.withLockedValue { $0?() ?? 0 }, lostRecords: hub.lostRecords,
            memory: MemoryReport(
                rssBytes: UInt64(memory.residentBytes), anonymousBytes: UInt64(memory.anonymousBytes)))
    }

    /// - Parameter params: `adapter`, a name; without it the labels of what classifies, the first if several do.
    private func labels(_ params: JSONObject) -> Result<JSONText, RPCError> {
        do throws(JSONError) {
            let snapshot = adapters.snapshot
            guard let name = try params.string("adapter") else {
                return .success(JSONText(LabelList(labels: snapshot.active.first?.labels ?? [])))
            }
            guard let labels = snapshot.labels[name] else {
                return .failure(RPCError(.unavailable, "no adapter \(name) is loaded"))
            }
            return .success(JSONText(LabelList(labels: labels)))
        } catch {
            return .failure(.invalidParams(error))
        }
    }

    /// - Parameter params: `label`; `adapter`, a name, when several classify.
    private func explain(_ params: JSONObject) -> Result<JSONText, RPCError> {
        do throws(JSONError) {
            let label = try params.requiredString("label")
            let adapter = try params.string("adapter")
            guard let report = detection.explain(label, adapter: adapter) else {
                let near = NearMiss.of(label, among: detection.labels).map { ": do you mean \($0)?" } ?? ""
                return .failure(
                    RPCError(.unavailable, "nothing that classifies has a label \(label)\(near)"))
            }
            return .success(JSONText(report))
        } catch {
            return .failure(.invalidParams(error))
        }
    }

    private func sources() -> Result<JSONText, RPCError> {
        let active = sourceWatch.report.name
        guard facts.listensToPulse else {
            return .success(
                JSONText(SourceList(sources: [.init(name: active, description: nil, isActive: true)])))
        }
        do throws(CaptureError) {
            let found = try listPulseSources(server: nil)
            return .success(
                JSONText(
                    SourceList(
                        sources: found.map {
                            .init(name: $0.name, description: $0.description, isActive: $0.name == active)
                        })))
        } catch {
            return .failure(RPCError(.unavailable, error.description))
        }
    }

    private static func word(for state: SourceRecord.State) -> String {
        switch state {
        case .healthy: "listening"
        case .paused: "paused"
        case .lost, .recovering: "waiting"
        }
    }

    /// As Prometheus reads them. Safe on any thread.
    func metricsText() -> String {
        let counters = pipeline.currentCounters
        return MetricsText(
            status(), latency: counters.latency, events: counters.events, reconnects: sourceWatch.reconnects,
            omittedClips: UInt64(pipeline.omittedClips), isMuted: sourceWatch.isMuted
        ).text
    }

    private func metrics() -> Result<JSONText, RPCError> {
        let text = metricsText()
        return .success(
            JSONText { json in
                json.object { json in
                    json.member("content_type", MetricsText.contentType)
                    json.member("text", text)
                }
            })
    }

    private func pause(_ isPaused: Bool) -> Result<JSONText, RPCError> {
        if isPaused {
            source.pause()
            pipeline.pause()
        } else {
            source.resume()
        }
        return .success(JSONText { json in json.object { $0.member("paused", isPaused) } })
    }

    private func stop() -> Result<JSONText, RPCError> {
        shutdown()
        return .success(JSONText { json in json.object { $0.member("stopping", true) } })
    }
}
