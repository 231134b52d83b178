private import Capture
private import Frontend
private import Inference
internal import Logging
private import Recognizer
private import Settings
private import Wire

/// The objects of a running daemon: made here, connected here, and nowhere else.
///
///     source ─► ring ─► pipeline ─► hub ─► server ─► clients
///        │                 ▲                  │
///        ▼                 │ commands         ▼
///     source monitor ──────┴────────────── requests ─► adapters, reload, files, status
struct DaemonComponents {
    let notifier: ServiceNotifier
    let server: SocketServer
    let listening: ListeningService
    let reload: Reload
    let files: FileEngine
    let clips: ClipRecorder
    let metricsFile: MetricsFile
    let shutdown: ShutdownService
    private let ring: SampleRing
    private let source: any AudioSource
    private let sourceMonitor: SourceMonitor

    /// Loads the model and the adapters, and makes everything else. Nothing runs yet.
    static func make(_ options: DaemonOptions, logger: Logger) throws(DaemonError) -> DaemonComponents {
        let settings = options.settings
        let notifier = ServiceNotifier(logger: logger)
        let spec = try wrapped(DaemonError.source) { () throws(CaptureError) in
            try SourceSpec(parsing: settings.source)
        }
        let maker = try variantMaker(options.recognizer)
        logger.info("model \(options.recognizer.model): \(maker.baseVariant.summary)")
        for note in maker.base.notes { logger.warning("\(options.recognizer.model): \(note)") }
        for warning in maker.baseVariant.warnings { logger.warning("\(warning)") }
        // The ring holds ten seconds. A longer forward pass loses samples, which are reported as a gap.
        let signal = WakeSignal()
        let ring = SampleRing(capacitySamples: 10 * FrontendConfig.sampleRateHz, dataSignal: signal) {
            logger.warning(
                "the source delivers invalid samples (NaN, infinite or beyond 1e15); replacing them by silence"
            )
        }
        let commands = CommandMailbox(ring: ring)
        let engineCommands = EngineMailbox(signal: signal)
        let adapters = AdapterShelf(
            maker, directory: options.adaptersDirectory, commands: engineCommands, logger: logger)
        let variants = try wrapped({ DaemonError.adapter("\($0)") }) { () throws(AdapterShelf.Refusal) in
            try adapters.loadInitial(options.recognizer.adapters)
        }
        let scorer = try wrapped(DaemonError.model) { () throws(ModelError) in
            try WindowScorer(variants, threads: options.recognizer.threads)
        }
        let run = RunID()
        logger.info("run \(run.text)")
        let hub = EventHub(run: run)
        let source = spec.makeSource(
            paced: !settings.fast, startsPaused: settings.waitForSubscriber,
            signal: SignalSettings(settings), pulseServer: nil)
        if !spec.isLive, SignalSettings(settings) != SignalSettings() {
            logger.warning("channel, gain_db and high_pass_hz have no effect on a file or standard input")
        }
        let sourceMonitor = SourceMonitor(
            name: source.name, hub: hub, commands: commands, notifier: notifier, logger: logger)
        if settings.waitForSubscriber { waitForSubscriber(source, isLive: spec.isLive, hub, logger) }
        let traits = SourceTraits(spec, isPaced: !settings.fast)
        if case .recorded(let start?) = traits.pace {
            logger.info("times count from the recording's begin at \(Timestamp(unixNanos: start))")
        }
        let numbers = RecordNumbers()
        let detection = EventDetection(
            rules: settings.detection, hopFrames: options.hopFrames, run: run, numbers: numbers)
        let clips = ClipRecorder(settings.clips, logger: logger)
        let pipeline = Pipeline(
            ring: ring, commands: commands,
            features: LiveFeatures(
                for: variants, historyFrames: options.recognizer.historyFrames,
                minimumFrames: maker.baseVariant.frontend.windowFrames),
            scorer: scorer, numbers: numbers, detection: detection, clips: clips,
            hub: hub, Pipeline.Configuration(options, traits), logger: logger,
            onCondition: sourceMonitor.process)
        let engine = EngineLoop(
            [pipeline], commands: engineCommands, signal: signal, scorer: scorer, hub: hub,
            watchdog: EngineWatchdog(notifier))
        let reload = Reload(
            settings, from: options.settingsSources, adapters: adapters, logger: logger,
            apply: pipeline.apply)
        let files = FileEngine()
        let clients = ClientCounter()
        let status = StatusBuilder(
            facts: StatusBuilder.Facts(options, run: run, threads: scorer.engine.threads), pipeline: pipeline,
            ring: ring, adapters: adapters, sourceMonitor: sourceMonitor, hub: hub, clients: clients,
            clippedSamples: { source.clippedSamples })
        let shutdown = ShutdownService()
        let requests = RequestRouter(
            status: status,
            sources: SourceLookup(
                activeName: { sourceMonitor.record.name }, lookup: spec.isPulse ? SourceLookup.pulse : nil),
            control: SourceControl(source: source), adapters: adapters, detection: detection,
            sourceRecord: { sourceMonitor.record }, reload: reload, files: files, shutdown: shutdown.request)
        let server = SocketServer(
            configuration: SocketServerConfiguration(
                runtimeDirectory: options.runtimeDirectory, eventsMode: settings.eventsMode,
                maximumClients: settings.maximumClients, inherited: .fromEnvironment()), hub: hub,
            handler: requests, clients: clients, logger: logger)
        return DaemonComponents(
            notifier: notifier, server: server,
            listening: ListeningService(
                engine: engine, source: source, logger: logger,
                onEnd: { ShutdownDeadline.start(logger) },
                onReady: { notifier.ready(status: sourceMonitor.line) }),
            reload: reload, files: files, clips: clips,
            metricsFile: MetricsFile(
                settings: { reload.settings.metrics }, text: { await status.metricsText() },
                logger: logger),
            shutdown: shutdown, ring: ring, source: source, sourceMonitor: sourceMonitor)
    }

    /// Starts the source and opens the sockets.
    func start() async throws(DaemonError) {
        do throws(CaptureError) {
            try source.start(into: ring, onEvent: sourceMonitor.process)
        } catch {
            throw .source(error)
        }
        do throws(SocketServerError) {
            try await server.bind()
        } catch {
            source.stop()
            throw .sockets(error)
        }
    }

    private static func variantMaker(_ options: RecognizerOptions) throws(DaemonError) -> VariantMaker {
        let base = try wrapped(DaemonError.model) { () throws(ModelError) in
            try options.baseModel()
        }
        return VariantMaker(base: base, activation: options.activation)
    }

    /// Arranges that a source that starts paused is read as soon as a client subscribes.
    private static func waitForSubscriber(
        _ source: any AudioSource, isLive: Bool, _ hub: EventHub, _ logger: Logger
    ) {
        if isLive { return logger.warning("wait_for_subscriber has no effect on a live source") }
        logger.info("waiting for the first subscriber before \(source.name) is read")
        hub.whenFirstSubscribed { source.resume() }
    }
}

private func wrapped<Value, Failure: Error>(
    _ wrap: (Failure) -> DaemonError, _ body: () throws(Failure) -> Value
) throws(DaemonError) -> Value {
    do throws(Failure) { return try body() } catch { throw wrap(error) }
}

extension SourceSpec {
    fileprivate var isPulse: Bool { if case .pulse = self { true } else { false } }
    fileprivate var isLive: Bool { SourceTraits(self, isPaced: true).isLive }
}

extension SignalSettings {
    fileprivate init(_ settings: DaemonSettings) {
        self.init(
            channel: SourceChannel(settings.channel) ?? .mix, gainDB: settings.gainDB,
            highPassHz: settings.highPassHz)
    }
}

extension Pipeline.Configuration {
    fileprivate init(_ options: DaemonOptions, _ source: SourceTraits) {
        self.init(
            hopFrames: options.hopFrames,
            gate: options.settings.gate.map(EnergyGate.init(thresholdDBFS:)), source: source,
            mutedAfterSeconds: options.settings.mutedAfter)
    }
}

extension StatusBuilder.Facts {
    fileprivate init(_ options: DaemonOptions, run: RunID, threads: Int) {
        let model = options.recognizer.model
        self.init(
            run: run, modelPath: model, modelName: model.split(separator: "/").last.map(String.init) ?? model,
            threads: threads,
            hopSeconds: Double(options.hopFrames * FrontendConfig.frameShiftSamples)
                / Double(FrontendConfig.sampleRateHz))
    }
}
