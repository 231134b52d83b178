private import Glibc
public import Logging
public import SystemSupport
private import Systemd

/// Why the gateway cannot run.
public enum GatewayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The history cannot be opened.
    case history(String)
    case thread(ThreadError)

    public var description: String {
        switch self {
        case .history(let reason): "the history cannot be opened: \(reason)"
        case .thread(let error): "\(error)"
        }
    }
}

/// The gateway: a client of one or several daemons that keeps what they recognise.
///
///     daemon ─► DaemonFollower (a thread each) ─► History (SQLite)
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
        let history = try openHistory()
        let stop = DaemonFollower.Stop(false)
        var threads: [NamedThread] = []
        defer {
            stop.change { $0 = true }
            for thread in threads { thread.join() }
        }
        for daemon in settings.daemons {
            let follower = DaemonFollower(daemon: daemon, history: history, logger: logger)
            threads.append(try thread("gw-" + daemon.name) { follower.run(until: stop) })
        }
        let retention = Retention(settings.history, history: history, logger: logger)
        threads.append(try thread("gw-retention") { retention.run(until: stop) })
        let notifier = ServiceNotifier(logger: logger)
        notifier.ready(status: "following " + settings.daemons.map(\.name).joined(separator: ", "))
        logger.notice(
            "astd-gateway is ready",
            metadata: [
                "daemons": "\(settings.daemons.map(\.name).joined(separator: ","))",
                "history": "\(settings.history.path ?? "none")",
            ])
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        notifier.stopping()
        logger.notice("stopping")
    }

    /// Without a file, what is needed to continue after an interruption is kept in memory.
    private func openHistory() throws(GatewayError) -> History {
        do throws(SQLiteError) {
            return try History(path: settings.history.path ?? ":memory:", logger: logger)
        } catch {
            throw .history(error.description)
        }
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
