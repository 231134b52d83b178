private import Capture
private import Frontend
private import Inference
public import Logging
private import Recognizer
private import ServiceLifecycle
private import Settings
private import SystemSupport
private import UnixSignals
private import Wire

/// The daemon: loads the model, opens the sockets, begins to listen, and runs until it is told to stop.
public struct AstDaemon: Sendable {
    private let options: DaemonOptions
    private let logger: Logger

    public init(_ options: DaemonOptions, logger: Logger) {
        self.options = options
        self.logger = logger
    }

    /// Runs until SIGTERM, SIGINT, a `shutdown` request, or the end of a file.
    ///
    /// - Throws: ``DaemonError``.
    public func run() async throws {
        Heap.limitArenas()
        let notifier = ServiceNotifier(logger: logger)
        let spec = try mapped(DaemonError.source) { () throws(CaptureError) in
            try SourceSpec(parsing: options.settings.source)
        }
        let maker = VariantMaker(
            base: try mapped(DaemonError.model) { () throws(ModelError) in
                try BaseModel(
                    directory: options.recognizer.model, precision: options.recognizer.precision,
                    cache: options.recognizer.cache)
            }, activation: options.recognizer.activation)
        // Ten seconds: longer than a forward pass may take.
        let ring = SampleRing(capacitySamples: 10 * FrontendConfig.sampleRateHz)
        let commands = CommandMailbox(ring: ring)
        let adapters = AdapterShelf(
            maker, directory: options.adaptersDirectory, commands: commands, logger: logger)
        let variants = try mapped({ DaemonError.adapter("\($0)") }) { () throws(AdapterShelf.Refusal) in
            try adapters.loadInitial(options.recognizer.adapters)
        }
        let scorer = try mapped(DaemonError.model) { () throws(ModelError) in
            try WindowScorer(variants, threads: options.recognizer.threads)
        }
        let features = LiveFeatures(
            for: variants, historyFrames: options.recognizer.historyFrames,
            minimumFrames: maker.baseVariant.frontend.windowFrames)
        let source = spec.makeSource(
            paced: !options.settings.fast, startsPaused: options.settings.waitForSubscriber, pulseServer: nil)
        let hub = EventHub()
        let sourceMonitor = SourceMonitor(
            name: source.name, hub: hub, commands: commands, notifier: notifier, logger: logger)
        let detection = EventDetection(rules: options.settings.detection, hopFrames: options.hopFrames)
        let clips = ClipRecorder(options.settings.clips, logger: logger)
        let pipeline = Pipeline(
            ring: ring, commands: commands, features: features, scorer: scorer, detection: detection,
            clips: clips, hub: hub,
            Pipeline.Configuration(
                hopFrames: options.hopFrames,
                gate: options.settings.gate.map(EnergyGate.init(thresholdDBFS:)),
                source: SourceTraits(spec, isPaced: !options.settings.fast),
                mutedAfterSeconds: options.settings.mutedAfter),
            watchdog: EngineWatchdog(notifier), onMuted: sourceMonitor.publishMuted)
        let reload = Reload(
            options.settings, from: options.settingsSources, adapters: adapters, logger: logger,
            apply: pipeline.apply)
        let (stopRequests, requestStop) = AsyncStream.makeStream(of: Void.self)
        let files = FileEngine()
        let clients = ClientCounter()
        let status = StatusBuilder(
            facts: facts(threads: scorer.engine.threads), pipeline: pipeline, ring: ring,
            adapters: adapters, sourceMonitor: sourceMonitor, hub: hub, clients: clients)
        let requests = RequestRouter(
            status: status,
            sources: SourceLookup(
                activeName: { sourceMonitor.report.name }, lookup: spec.isPulse ? SourceLookup.pulse : nil),
            control: SourceControl(source: source), adapters: adapters,
            detection: detection, reload: reload, files: files
        ) { requestStop.yield() }
        let server = SocketServer(
            configuration: SocketServerConfiguration(
                runtimeDirectory: options.runtimeDirectory, eventsMode: options.settings.eventsMode,
                maximumClients: options.settings.maximumClients, inherited: .fromEnvironment()), hub: hub,
            handler: requests, clients: clients, logger: logger)
        waitForSubscriber(spec, source, hub)
        try mapped(DaemonError.source) { () throws(CaptureError) in
            try source.start(into: ring, onEvent: sourceMonitor.process)
        }
        do throws(SocketServerError) {
            try await server.bind()
        } catch {
            source.stop()
            throw DaemonError.sockets(error)
        }
        defer { notifier.stopping() }
        let listening = ListeningService(pipeline: pipeline, source: source, logger: logger) {
            notifier.ready(status: sourceMonitor.line)
        }
        let metricsFile = MetricsFile(
            settings: { reload.settings.metrics }, text: { await status.metricsText() }, logger: logger)
        let writer = Task { await metricsFile.run() }
        defer { writer.cancel() }
        do {
            try await serve(listening, server, reload, stopRequests)
        } catch {
            await files.finish()
            throw error
        }
        await files.finish()
    }

    /// Arranges that a source that started paused is read as soon as a client subscribes.
    private func waitForSubscriber(_ spec: SourceSpec, _ source: any AudioSource, _ hub: EventHub) {
        guard options.settings.waitForSubscriber else { return }
        guard !spec.isPulse else {
            return logger.warning("wait_for_subscriber has no effect on a PulseAudio source")
        }
        logger.info("waiting for the first subscriber before \(source.name) is read")
        hub.whenFirstSubscribed { source.resume() }
    }

    private func serve(
        _ listening: ListeningService, _ server: SocketServer, _ reload: Reload,
        _ stopRequests: AsyncStream<Void>
    ) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: server, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup),
                    .init(
                        service: listening, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        let stopper = Task {
            for await _ in stopRequests { await group.triggerGracefulShutdown() }
        }
        let reloader = Task { await reloadOnHangup(reload) }
        defer {
            stopper.cancel()
            reloader.cancel()
        }
        do {
            try await group.run()
        } catch let error as PipelineError {
            throw DaemonError.brokenModel(error.description)
        }
        logger.info("stopped")
    }

    /// Reads the adapters' directory now, which the start need not wait for, and again with every SIGHUP.
    private func reloadOnHangup(_ reload: Reload) async {
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        if options.adaptersDirectory != nil { await reload.readAdapters() }
        for warning in reload.unknownLabels() { logger.warning("\(warning)") }
        for await _ in hangups { _ = await reload.run() }
    }

    private func facts(threads: Int) -> StatusBuilder.Facts {
        StatusBuilder.Facts(
            modelPath: options.recognizer.model, modelName: lastComponent(options.recognizer.model),
            threads: threads, precision: options.recognizer.precision.rawValue,
            hopSeconds: Double(options.hopFrames * FrontendConfig.frameShiftSamples)
                / Double(FrontendConfig.sampleRateHz))
    }

    private func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}

private func mapped<Value, Failure: Error>(
    _ wrap: (Failure) -> DaemonError, _ body: () throws(Failure) -> Value
) throws(DaemonError) -> Value {
    do throws(Failure) { return try body() } catch { throw wrap(error) }
}

extension SourceSpec {
    fileprivate var isPulse: Bool { if case .pulse = self { true } else { false } }
}
