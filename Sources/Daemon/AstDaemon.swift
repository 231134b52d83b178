private import Dispatch
private import Glibc
private import Inference
public import Logging
private import ServiceLifecycle
private import SystemSupport
private import Systemd
private import UnixSignals

/// The daemon: captures, classifies, and serves clients until it is stopped.
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
        Heap.limitFreedMemory()
        let components = try DaemonComponents.make(options, logger: logger)
        try await components.start()
        defer { components.notifier.stopping() }
        do {
            try await serviceGroup(components).run()
        } catch let error as PipelineError {
            throw DaemonError.brokenModel(error.description)
        }
        logger.info("stopped")
    }

    /// The services of the daemon. A signal, a request, a failure of any service, or the end of one of those
    /// that end the daemon shuts the group down, from the last service to the first: clients are served until
    /// the pipeline has stopped; files are classified until the last client has been disconnected; what waits
    /// for a disk comes last, so that every client has its answers.
    private func serviceGroup(_ components: DaemonComponents) -> ServiceGroup {
        func service(
            _ service: any Service, endsDaemon: Bool = false
        ) -> ServiceGroupConfiguration.ServiceConfiguration {
            .init(
                service: service,
                successTerminationBehavior: endsDaemon ? .gracefullyShutdownGroup : .ignore,
                failureTerminationBehavior: .gracefullyShutdownGroup)
        }
        return ServiceGroup(
            configuration: .init(
                services: [
                    service(ClipService(sources: components.sources)),
                    service(FileService(engine: components.files)),
                    service(ReloadService(components.reload, options, logger: logger)),
                    service(components.quietHours),
                    service(MetricsService(file: components.metricsFile)),
                    service(components.server, endsDaemon: true),
                    service(components.listening, endsDaemon: true),
                    service(components.shutdown, endsDaemon: true),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    }
}

/// Returns when a client has requested a shutdown, which ends the daemon.
struct ShutdownService: Service {
    private let requests: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (requests, continuation) = AsyncStream.makeStream() }

    /// Any thread.
    @Sendable func request() { continuation.yield() }

    func run() async {
        await cancelWhenGracefulShutdown {
            for await _ in requests { return }
        }
    }
}

/// Reads the adapters' directory once the daemon runs, and reloads with every SIGHUP.
private struct ReloadService: Service {
    private let reload: Reload
    private let hasAdapters: Bool
    private let logger: Logger

    init(_ reload: Reload, _ options: DaemonOptions, logger: Logger) {
        self.reload = reload
        hasAdapters = options.adaptersDirectory != nil
        self.logger = logger
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            let hangups = await UnixSignalsSequence(trapping: .sighup)
            if hasAdapters { await reload.readAdapters() }
            for warning in reload.unknownLabels() { logger.warning("\(warning)") }
            for await _ in hangups { _ = await reload.run() }
        }
    }
}

private struct MetricsService: Service {
    let file: MetricsFile

    func run() async { await cancelWhenGracefulShutdown { await file.run() } }
}

/// Waits at the end for the clips that are being written.
private struct ClipService: Service {
    let sources: SourceSet

    func run() async {
        try? await gracefulShutdown()
        await BlockingQueue("astd-clips-end").run { for source in sources.all { source.clips.finish() } }
    }
}

/// Ends a daemon whose shutdown waits for a disk that does not answer: a thread that waits for a disk cannot
/// be interrupted.
enum ShutdownDeadline {
    /// Less than systemd waits (`TimeoutStopSec`).
    private static let seconds = 8.0

    /// Call it when the last window has been classified, which may take longer than this on a slow machine.
    static func start(_ logger: Logger) {
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds) {
            logger.warning(
                "waited \(seconds) s for a disk, or for the classification of a file: stopping without it")
            _exit(0)
        }
    }
}

/// Stops the file engine after all clients have left.
private struct FileService: Service {
    let engine: FileEngine

    func run() async {
        // Cancelled or shut down, it ends.
        try? await gracefulShutdown()
        await engine.finish()
    }
}
