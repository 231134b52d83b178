import Glibc
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import NIOConcurrencyHelpers

/// Serves `astd.sock` and `events.sock`.
///
/// Call ``bind()`` first, so that nobody is told the daemon is ready before the sockets answer; ``run()``
/// then serves until it is shut down gracefully or cancelled.
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
    private let state = NIOLockedValueBox<State>(.idle)

    public init(
        configuration: SocketServerConfiguration, hub: EventHub, handler: any RequestHandler, logger: Logger
    ) {
        self.configuration = configuration
        self.hub = hub
        self.handler = handler
        self.logger = logger
        let clients = DescriptorLimit.makeRoom(forClients: configuration.maximumClients)
        if clients < configuration.maximumClients {
            logger.warning(
                "\(clients) clients of each socket and not \(configuration.maximumClients): raise the limit of open files (LimitNOFILE, ulimit -n)"
            )
        }
        controlClients = ClientRegistry(limit: clients)
        eventClients = ClientRegistry(limit: clients)
    }

    /// Clients connected to either socket.
    public var clientCount: Int { controlClients.count + eventClients.count }

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
        logger.info("listening", metadata: ["control": "\(control.path)", "events": "\(events.path)"])
    }

    /// Binds both files, or takes over those that systemd has bound.
    private func openFiles() throws(SocketServerError) -> (control: ListeningSocket, events: ListeningSocket)
    {
        if let control = configuration.inherited.control, let events = configuration.inherited.events {
            return (control, events)
        }
        let directory = try RuntimeDirectory(path: configuration.runtimeDirectory)
        defer { directory.unlock() }
        let control = try open(directory.file("astd.sock"), orTake: configuration.inherited.control)
        do throws(SocketServerError) {
            let events = try open(directory.file("events.sock"), orTake: configuration.inherited.events)
            return (control, events)
        } catch {
            control.discard()
            throw error
        }
    }

    private func open(
        _ path: String, orTake passed: ListeningSocket? = nil
    ) throws(SocketServerError) -> ListeningSocket {
        if let passed { return passed }
        let isControl = path.hasSuffix("/astd.sock")
        return try ListeningSocket(
            path: path, mode: isControl ? configuration.controlMode : configuration.eventsMode,
            group: configuration.groupName.flatMap { RuntimeDirectory.groupID(named: $0) })
    }

    /// Somebody who cleans up may remove the files of sockets: a look every second makes them anew.
    private func guardFiles() async {
        var complaint: SocketServerError?
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard case .open(let sockets) = state.withLockedValue({ $0 }) else { return }
            do throws(SocketServerError) {
                let restored = try await sockets.restore { path throws(SocketServerError) in
                    let directory = try RuntimeDirectory(path: configuration.runtimeDirectory)
                    defer { directory.unlock() }
                    return try open(path)
                }
                for path in restored { logger.warning("\(path) was removed, and is there again") }
                complaint = nil
            } catch {
                if complaint != error { logger.error("a removed socket cannot be made anew: \(error)") }
                complaint = error
            }
        }
    }

    /// Serves until shut down; opens the sockets when ``bind()`` has not.
    ///
    /// - Throws: ``SocketServerError`` when the sockets cannot be opened.
    public func run() async throws {
        try await bind()
        let guardian = Task { await guardFiles() }
        // Cancellation ends the wait as well, and is answered in the same way.
        try? await gracefulShutdown()
        guardian.cancel()
        await guardian.value
        await close()
    }

    /// Stops listening, removes the socket files, writes what is queued and closes, within a second.
    ///
    /// ``run()`` does this by itself; it is for a daemon that stops between ``bind()`` and ``run()``.
    public func close() async {
        let previous = state.withLockedValue { state in
            defer { state = .closed }
            return state
        }
        guard case .open(let sockets) = previous else { return }
        await sockets.close { [controlClients, eventClients] in controlClients.all + eventClients.all }
        logger.debug("sockets closed")
    }
}
