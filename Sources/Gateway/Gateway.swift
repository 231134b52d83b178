private import Glibc
public import Logging
public import SystemSupport
private import Systemd

/// Why the gateway cannot run.
public enum GatewayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The history cannot be opened.
    case history(String)
    /// A file with a password, token or URL cannot be read.
    case secret(String)
    /// The page cannot be served.
    case page(String)
    case thread(ThreadError)

    public var description: String {
        switch self {
        case .history(let reason): "the history cannot be opened: \(reason)"
        case .secret(let reason): reason
        case .page(let reason): "the page cannot be served at \(reason)"
        case .thread(let error): "\(error)"
        }
    }
}

/// The gateway: a client of one or several daemons that keeps what they recognise and passes it on.
///
///     daemon ─► DaemonFollower (a thread each) ─┬► History (SQLite) ── outbox ─┐
///                                               ├► MQTTState ──────────────────┴► MQTTPublisher ─► broker
///                                               ├► NotifyState ─► Notifier ─► program, request
///                                               └► PageServer ─► browsers
///
/// Threading: ``run()`` on the main thread.
public struct Gateway {
    private let settings: GatewaySettings
    private let logger: Logger

    public init(_ settings: GatewaySettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: ``GatewayError``
    public func run() throws(GatewayError) {
        // Blocked before the first thread, so that only `sigwait` receives them.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let lock = try settings.history.path.map { path throws(GatewayError) in try HistoryLock(path) }
        defer { withExtendedLifetime(lock) {} }
        let history = try openHistory()
        if settings.history.path == nil, settings.mqtt.url == nil, settings.notify.isEmpty,
            settings.http.listen == nil
        {
            logger.warning("nothing is kept or sent: set history.path, mqtt.url, notify or http.listen")
        }
        let stop = DaemonFollower.Stop(false)
        // After the last records of the daemons, so that their events still reach the broker.
        let stopPublisher = DaemonFollower.Stop(false)
        let followers = ConditionLocked(0)
        var threads: [NamedThread] = []
        let notifier = try notifier(history)
        let page = try settings.http.listen.flatMap { PageAddress($0) }.map { address throws(GatewayError) in
            try PageServer(settings, address, history: history, logger: logger)
        }
        defer { page?.stop() }
        defer {
            stop.change { $0 = true }
            notifier?.stop()
            _ = followers.wait(milliseconds: Self.lastRecordsMilliseconds) { $0 == 0 ? true : nil }
            stopPublisher.change { $0 = true }
            for thread in threads { thread.join() }
            reportOutbox(history)
        }
        let runners =
            settings.mqtt.url != nil && settings.mqtt.commands
            ? settings.daemons.map { CommandRunner($0, logger: logger) } : []
        defer { for runner in runners { runner.stop() } }
        for runner in runners { threads.append(try thread("gw-commands") { runner.run() }) }
        let publisher = try publisher(history, runners)
        if let publisher { threads.append(try thread("gw-mqtt") { publisher.run(until: stopPublisher) }) }
        for index in settings.notify.indices {
            threads.append(try thread("gw-notify-\(index + 1)") { notifier?.run(rule: index) })
        }
        for daemon in settings.daemons {
            let follower = DaemonFollower(
                daemon: daemon, history: history, logger: logger,
                // The label of a score may have any rank.
                topK: needsAllScores ? 100_000 : topLabels,
                minuteLabels: minuteLabels, wantsSpectrum: page != nil,
                followsAdapters: !runners.isEmpty || page != nil
            ) { update in
                page?.update(update, of: daemon.name)
                publisher?.update(update, of: daemon.name)
                notifier?.update(update, of: daemon.name)
            }
            followers.change { $0 += 1 }
            threads.append(
                try thread("gw-" + daemon.name) {
                    follower.run(until: stop)
                    followers.change { $0 -= 1 }
                })
        }
        let retention = Retention(settings.history, history: history, logger: logger)
        threads.append(try thread("gw-retention") { retention.run(until: stop) })
        if let path = settings.history.path,
            let reviews = ReviewServer(history, path: path, logger: logger)
        {
            threads.append(try thread("gw-review") { reviews.run(until: stop) })
        }
        let service = ServiceNotifier(logger: logger)
        service.ready(status: "following " + settings.daemons.map(\.name).joined(separator: ", "))
        logger.notice(
            "astd-gateway is ready",
            metadata: [
                "daemons": "\(settings.daemons.map(\.name).joined(separator: ","))",
                "history": "\(settings.history.path ?? "none")",
            ])
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        service.stopping()
        logger.notice("stopping")
    }

    /// A daemon that does not answer delays the end for no longer.
    private static let lastRecordsMilliseconds = 2000

    /// Says what the broker does not have when the gateway has stopped.
    private func reportOutbox(_ history: History) {
        guard settings.mqtt.url != nil, let count = try? history.outboxCount(), count > 0 else { return }
        if settings.history.path == nil {
            logger.error(
                "events that waited for the broker are lost: set history.path to keep them",
                metadata: ["events": "\(count)"])
        } else {
            logger.notice(
                "events wait for the broker until the next start", metadata: ["events": "\(count)"])
        }
    }

    /// In memory, nobody could read them.
    private var minuteLabels: Int { settings.history.path == nil ? 0 : settings.history.minuteLabels }

    /// Labels of a prediction that are needed; nil: as many as the daemon sends to everybody.
    private var topLabels: Int? {
        let count = max(minuteLabels, settings.http.listen == nil ? 0 : PageState.labels)
        return count > 0 ? count : nil
    }

    private var needsAllScores: Bool {
        !settings.mqtt.labels.isEmpty || settings.notify.contains { $0.minScore > 0 }
    }

    /// nil: the settings have no rules.
    private func notifier(_ history: History) throws(GatewayError) -> Notifier? {
        if settings.notify.isEmpty { return nil }
        do throws(SecretFile.Failure) {
            return try Notifier(settings, history: history, logger: logger)
        } catch {
            throw .secret(error.description)
        }
    }

    /// Without a file, what is needed to continue after an interruption is kept in memory.
    private func openHistory() throws(GatewayError) -> History {
        do throws(SQLiteError) {
            return try History(
                path: settings.history.path ?? ":memory:", keepsOutbox: settings.mqtt.url != nil,
                logger: logger)
        } catch {
            throw .history(error.description)
        }
    }

    /// nil: the settings have no broker.
    private func publisher(
        _ history: History, _ runners: [CommandRunner]
    ) throws(GatewayError) -> MQTTPublisher? {
        let mqtt = settings.mqtt
        guard let address = mqtt.url.flatMap({ BrokerAddress($0) }) else { return nil }
        let password: String?
        do throws(SecretFile.Failure) {
            password = try mqtt.passwordFile.map { path throws(SecretFile.Failure) in
                try SecretFile.read(path)
            }
        } catch {
            throw .secret(error.description)
        }
        let options = MQTTClient.Options(
            address: address, usesVersion5: mqtt.protocolVersion == "5",
            clientID: mqtt.clientID ?? "astd-gateway-\(settings.node)", user: mqtt.user,
            password: password, caFile: mqtt.caFile, certificateFile: mqtt.certificateFile,
            keyFile: mqtt.keyFile,
            will: MQTTMessage(topic: TopicNames(node: settings.node).status, payload: "offline"))
        return MQTTPublisher(options, settings, history: history, runners: runners, logger: logger)
    }

    private func thread(
        _ name: String, _ body: @escaping @Sendable () -> Void
    ) throws(GatewayError) -> NamedThread {
        do throws(ThreadError) {
            // The kernel's limit of a thread's name.
            return try NamedThread(String(decoding: name.utf8.prefix(15), as: UTF8.self), body: body)
        } catch {
            throw .thread(error)
        }
    }
}
