private import Capture
private import Detection
private import Frontend
private import Inference
internal import Logging
private import Recognizer
private import Settings
internal import Systemd
private import Wire

/// The objects of a running daemon: made here, connected here, and nowhere else.
///
///     sources (each: input ─► ring ─► pipeline) ─► hub ─► server ─► clients
///                                        ▲                  │
///                                        │ engine loop      ▼
///                                        └──────────── requests ─► adapters, reload, files, status
struct DaemonComponents {
    let notifier: ServiceNotifier
    let server: SocketServer
    let listening: ListeningService
    let reload: Reload
    let files: FileEngine
    let sources: SourceSet
    let quietHours: QuietHoursService
    let metricsFile: MetricsFile
    let shutdown: ShutdownService

    /// Loads the model and the adapters, and makes everything else. Nothing runs yet.
    static func make(_ options: DaemonOptions, logger: Logger) throws(DaemonError) -> DaemonComponents {
        let settings = options.settings
        let notifier = ServiceNotifier(logger: logger)
        let maker = try variantMaker(options.recognizer)
        logger.info("model \(options.recognizer.model): \(maker.baseVariant.summary)")
        for note in maker.base.notes { logger.warning("\(options.recognizer.model): \(note)") }
        for warning in maker.baseVariant.warnings { logger.warning("\(warning)") }
        let signal = WakeSignal()
        let commands = EngineMailbox(signal: signal)
        let adapters = LoadedAdapters(
            maker, directory: options.adaptersDirectory, commands: commands, logger: logger)
        let sets = try wrapped({ DaemonError.adapter("\($0)") }) { () throws(LoadedAdapters.Refusal) in
            try adapters.loadInitial(options.recognizer.adapters, settings)
        }
        let problems = groupProblems(settings, maker.baseVariant, sets.all, adapters, options)
        if !problems.isEmpty { throw .settings(problems) }
        let scorer = try wrapped(DaemonError.model) { () throws(ModelError) in
            try WindowScorer(sets.all, threads: options.recognizer.threads)
        }
        let run = RunID()
        logger.info("run \(run.text)")
        let hub = EventHub(run: run, journal: Journal.connected.map(EventJournal.init))
        let shared = DaemonSource.Shared(
            hub: hub, engine: commands, scorer: scorer, signal: signal, numbers: RecordNumbers(), run: run,
            minimumFrames: maker.baseVariant.frontend.windowFrames,
            variants: { adapters.snapshot.sets[$0] },
            pauses: PauseRegister(directory: options.stateDirectory), logger: logger)
        let sources = try wrapped(DaemonError.source) { () throws(CaptureError) in
            try SourceSet(settings, shared, notifier: notifier)
        }
        if settings.waitForSubscriber { waitForSubscriber(sources, hub, logger) }
        let load = LoadReport(sets.all, threads: scorer.engine.threads, logger: logger)
        let engine = EngineLoop(
            sources.all.map(\.pipeline), commands: commands, signal: signal, scorer: scorer,
            sets: sets, hub: hub,
            watchdog: EngineWatchdog(notifier), processorLimit: settings.processorLimit,
            onMeasured: load.report, onEnd: sources.end(of:))
        let reload = Reload(
            settings, from: options.settingsSources, adapters: adapters, logger: logger,
            apply: { new, old in adapters.follow(new, insteadOf: old) + sources.change(to: new) })
        let files = FileEngine()
        let clients = ClientCounter()
        let status = StatusBuilder(
            facts: StatusBuilder.Facts(options, run: run, threads: scorer.engine.threads), sources: sources,
            adapters: adapters, hub: hub, clients: clients, load: load)
        let shutdown = ShutdownService()
        let usesPulse: @Sendable () -> Bool = { sources.all.contains { $0.spec.isPulse } }
        let requests = RequestRouter(
            status: status,
            lookup: SourceLookup(
                active: { sources.all.map(\.monitor.record) }, lookup: SourceLookup.pulse(usesPulse)),
            sources: sources, control: SourceControl(sources: sources, pauses: shared.pauses),
            adapters: adapters, reload: reload, files: files, shutdown: shutdown.request)
        let server = SocketServer(
            configuration: SocketServerConfiguration(
                runtimeDirectory: options.runtimeDirectory, eventsMode: settings.eventsMode,
                maximumClients: settings.maximumClients, inherited: .fromEnvironment()), hub: hub,
            handler: requests, clients: clients, logger: logger)
        return DaemonComponents(
            notifier: notifier, server: server,
            listening: ListeningService(
                engine: engine, stopSources: sources.stop, failure: { sources.failure }, logger: logger,
                onEnd: { ShutdownDeadline.start(logger) },
                onReady: sources.reportReady),
            reload: reload, files: files, sources: sources,
            quietHours: QuietHoursService(sources, shared.clock),
            metricsFile: MetricsFile(
                settings: { reload.settings.metrics }, text: { (try? await status.metricsText()) ?? "" },
                logger: logger),
            shutdown: shutdown)
    }

    /// Starts the sources and opens the sockets.
    func start() async throws(DaemonError) {
        do throws(CaptureError) { try sources.start() } catch { throw .source(error) }
        do throws(SocketServerError) {
            try await server.bind()
        } catch {
            sources.stop()
            throw .sockets(error)
        }
    }

    private static func variantMaker(_ options: RecognizerOptions) throws(DaemonError) -> VariantMaker {
        let base = try wrapped(DaemonError.model) { () throws(ModelError) in
            try options.baseModel()
        }
        return VariantMaker(base: base, activation: options.activation, groups: options.groups)
    }

    /// Groups that the model and the adapters of the start cannot have. A member that they lack may come with
    /// an adapter of the adapters' directory, which is read later.
    private static func groupProblems(
        _ settings: DaemonSettings, _ base: Variant, _ variants: [Variant], _ adapters: LoadedAdapters,
        _ options: DaemonOptions
    ) -> [String] {
        let others = variants.filter { $0.adapter != nil }
        let collisions = ([base] + others).flatMap(GroupProblems.collisions)
        let folders = options.adaptersDirectory.flatMap(AdapterDirectory.init(reading:))
        guard folders?.adapters.isEmpty ?? true else { return collisions }
        let known = adapters.snapshot.labels.values.joined()
        return collisions + GroupProblems.unknownMembers(of: settings.detection.groups, known: known)
    }

    /// Arranges that sources that start paused are read as soon as a client subscribes.
    private static func waitForSubscriber(_ sources: SourceSet, _ hub: EventHub, _ logger: Logger) {
        let waiting = sources.all.filter { !SourceTraits($0.spec, isPaced: true).isLive }
        if waiting.isEmpty { return logger.warning("wait_for_subscriber has no effect on a live source") }
        let names = waiting.map(\.input.name).joined(separator: ", ")
        logger.info("waiting for the first subscriber before \(names) is read")
        hub.whenFirstSubscribed { for source in waiting { source.pause.change { $0.isWaiting = false } } }
    }
}

private func wrapped<Value, Failure: Error>(
    _ wrap: (Failure) -> DaemonError, _ body: () throws(Failure) -> Value
) throws(DaemonError) -> Value {
    do throws(Failure) { return try body() } catch { throw wrap(error) }
}

extension StatusBuilder.Facts {
    fileprivate init(_ options: DaemonOptions, run: RunID, threads: Int) {
        let model = options.recognizer.model
        self.init(
            run: run, modelPath: model, modelName: model.split(separator: "/").last.map(String.init) ?? model,
            threads: threads)
    }
}
