import Glibc
public import Logging
import NIOConcurrencyHelpers
import NIOCore
public import ServiceLifecycle

/// Serves `astd.sock` and `events.sock`.
///
/// Call ``bind()`` first, so that the daemon reports readiness only once the sockets answer; ``run()`` then
/// serves until a graceful shutdown or cancellation.
///
/// Threading: one event loop thread serves every client of both sockets; nothing on it blocks.
public final class SocketServer: Service, Sendable {
    private enum State {
        case idle
        case open(OpenSockets)
        case closed
    }

    private let configuration: SocketServerConfiguration
    private let hub: EventHub
    private let handler: any RequestHandler
    private let logger: Logger
    private let controlClients: ClientRegistry
    private let eventClients: ClientRegistry
    private let requests = RequestCounter()
    private let state = NIOLockedValueBox<State>(.idle)

    /// - Parameter clients: Counts the clients of both sockets.
    public init(
        configuration: SocketServerConfiguration, hub: EventHub, handler: any RequestHandler,
        clients: ClientCounter = ClientCounter(), logger: Logger
    ) {
        self.configuration = configuration
        self.hub = hub
        self.handler = handler
        self.logger = logger
        let limit = DescriptorLimit.raise(forClients: configuration.maximumClients)
        if limit < configuration.maximumClients {
            let wanted = configuration.maximumClients
            logger.warning(
                """
                limiting each socket to \(limit) clients instead of \(wanted): the limit of open files is too low \
                (LimitNOFILE, ulimit -n)
                """)
        }
        controlClients = ClientRegistry(limit: limit, counter: clients, requests: requests)
        eventClients = ClientRegistry(limit: limit, counter: clients, requests: requests)
    }

    /// Opens both sockets; clients are served from now on.
    ///
    /// - Throws: ``SocketServerError``.
    public func bind() async throws(SocketServerError) {
        guard case .idle = state.withLockedValue({ $0 }) else { return }
        let (control, events) = try openFiles()
        let (hub, handler, controlClients, eventClients) = (hub, handler, controlClients, eventClients)
        let sockets = try await OpenSockets(
            control: control, events: events,
            makeControl: { channel in
                let greeting = ClientGreeting(registry: controlClients, handler: handler)
                return ControlHandler(greeting: greeting, hub: hub, channel: channel)
            },
            makeEvents: { channel in
                let greeting = ClientGreeting(registry: eventClients, handler: handler)
                return EventStreamHandler(greeting: greeting, hub: hub, channel: channel)
            })
        state.withLockedValue { $0 = .open(sockets) }
        logger.info(
            "serving sockets", metadata: ["control": "\(control.path)", "events": "\(events.path)"])
    }

    /// Binds both files, except those that systemd has bound.
    private func openFiles() throws(SocketServerError) -> (control: ListeningSocket, events: ListeningSocket)
    {
        if let control = configuration.inherited.control, let events = configuration.inherited.events {
            return (control, events)
        }
        let directory = try RuntimeDirectory(path: configuration.runtimeDirectory)
        defer { directory.unlock() }
        let control = try open(directory.file("astd.sock"), orUse: configuration.inherited.control)
        do throws(SocketServerError) {
            let events = try open(directory.file("events.sock"), orUse: configuration.inherited.events)
            return (control, events)
        } catch {
            control.discard()
            throw error
        }
    }

    private func open(
        _ path: String, orUse inherited: ListeningSocket? = nil
    ) throws(SocketServerError) -> ListeningSocket {
        if let inherited { return inherited }
        let isControl = path.hasSuffix("/astd.sock")
        return try ListeningSocket(
            path: path, mode: isControl ? configuration.controlMode : configuration.eventsMode,
            group: configuration.groupName.flatMap { RuntimeDirectory.groupID(named: $0) })
    }

    /// Checks every second whether a socket file was removed, for example by a cleaner of /run, and recreates
    /// it.
    private func restoreRemovedFiles() async {
        var lastError: SocketServerError?
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard case .open(let sockets) = state.withLockedValue({ $0 }) else { return }
            do throws(SocketServerError) {
                let restored = try await sockets.restore { path throws(SocketServerError) in
                    let directory = try RuntimeDirectory(path: configuration.runtimeDirectory)
                    defer { directory.unlock() }
                    return try open(path)
                }
                for path in restored { logger.warning("\(path): socket file was removed; recreated it") }
                lastError = nil
            } catch {
                if lastError != error { logger.error("cannot recreate a removed socket: \(error)") }
                lastError = error
            }
        }
    }

    /// Serves until shut down; opens the sockets if ``bind()`` was not called.
    ///
    /// - Throws: ``SocketServerError`` when the sockets cannot be opened.
    public func run() async throws {
        try await bind()
        let restorer = Task { await restoreRemovedFiles() }
        // Cancellation also ends the wait, and has the same effect.
        try? await gracefulShutdown()
        restorer.cancel()
        await restorer.value
        await close()
    }

    /// Stops accepting clients, removes the socket files, writes what is queued, and closes.
    ///
    /// ``run()`` calls this; call it for a daemon that stops between ``bind()`` and ``run()``.
    public func close() async {
        let previous = state.withLockedValue { state in
            defer { state = .closed }
            return state
        }
        guard case .open(let sockets) = previous else { return }
        func amount(_ seconds: Double) -> TimeAmount { .nanoseconds(Int64(seconds * 1e9)) }
        await sockets.close(
            interrupting: amount(configuration.requestGraceSeconds),
            within: amount(configuration.shutdownGraceSeconds), requests
        ) { [controlClients, eventClients] in
            // Both refuse requests before the first client is asked to finish.
            let channels = controlClients.stop()
            return channels + eventClients.stop()
        }
        logger.debug("sockets closed")
    }
}
