import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Both sockets while they are served, and the event loop that serves them.
struct OpenSockets: Sendable {
    private struct Listener: Sendable {
        var socket: ListeningSocket
        var channel: any Channel
        let makeHandler: @Sendable (any Channel) -> any ChannelHandler
    }

    private let group: MultiThreadedEventLoopGroup
    private let listeners: NIOLockedValueBox<[Listener]>

    /// Starts to accept clients.
    ///
    /// - Throws: ``SocketServerError/server(path:reason:)``; both sockets are closed then.
    init(
        control: ListeningSocket, events: ListeningSocket,
        makeControl: @escaping @Sendable (any Channel) -> any ChannelHandler,
        makeEvents: @escaping @Sendable (any Channel) -> any ChannelHandler
    ) async throws(SocketServerError) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var listeners: [Listener] = []
        do {
            for (socket, makeHandler) in [(control, makeControl), (events, makeEvents)] {
                let channel = try await Self.bootstrap(group, makeHandler).withBoundSocket(socket.descriptor)
                    .get()
                listeners.append(Listener(socket: socket, channel: channel, makeHandler: makeHandler))
            }
        } catch {
            // The event loop owns each descriptor that was passed to it, and closes it.
            control.removeFile()
            events.removeFile()
            try? await group.shutdownGracefully()
            throw .server(path: listeners.isEmpty ? control.path : events.path, reason: "\(error)")
        }
        self.group = group
        self.listeners = NIOLockedValueBox(listeners)
    }

    /// Recreates sockets whose files were removed. Connected clients are not affected. Must not run
    /// concurrently with itself or with ``close(within:clients:)``.
    ///
    /// - Parameter open: Binds a socket at a path.
    /// - Returns: The paths of the recreated sockets.
    func restore(
        _ open: (String) throws(SocketServerError) -> ListeningSocket
    ) async throws(SocketServerError) -> [String] {
        var restored: [String] = []
        for (index, listener) in listeners.withLockedValue({ $0 }).enumerated()
        where listener.socket.isFileMissing {
            let socket = try open(listener.socket.path)
            do {
                let channel = try await Self.bootstrap(group, listener.makeHandler)
                    .withBoundSocket(socket.descriptor).get()
                listeners.withLockedValue { listeners in
                    listeners[index].socket = socket
                    listeners[index].channel = channel
                }
                restored.append(socket.path)
            } catch {
                socket.removeFile()
                throw .server(path: socket.path, reason: "\(error)")
            }
            try? await listener.channel.close()
        }
        return restored
    }

    /// Stops accepting clients, gives requests in progress time to finish and clients time to read what is
    /// queued for them, then closes everything.
    ///
    /// - Parameters:
    ///   - requestGrace: Maximum wait for requests in progress, which are then answered with an error.
    ///   - grace: Maximum wait for clients that read slowly.
    ///   - requests: Those that run outside the event loop, which ends with the last of them.
    ///   - clients: Returns the open connections; called once no new ones are accepted.
    func close(
        interrupting requestGrace: TimeAmount, within grace: TimeAmount, _ requests: RequestCounter,
        clients: () -> [any Channel]
    ) async {
        let listeners = listeners.withLockedValue { $0 }
        for listener in listeners { listener.socket.removeFile() }
        for listener in listeners { try? await listener.channel.close() }
        let remaining = clients()
        for channel in remaining {
            channel.pipeline.fireUserInboundEventTriggered(ClientEvent.finish)
        }
        let loop = group.next()
        let interruption = loop.scheduleTask(in: requestGrace) {
            for channel in remaining {
                channel.pipeline.fireUserInboundEventTriggered(ClientEvent.interrupt)
            }
        }
        let deadline = loop.scheduleTask(in: grace) {
            for channel in remaining { channel.close(promise: nil) }
        }
        try? await EventLoopFuture.andAllComplete(remaining.map(\.closeFuture), on: loop).get()
        interruption.cancel()
        deadline.cancel()
        // An interrupted request may wait for a disk; the daemon does not.
        requests.whenIdle { [group] in group.shutdownGracefully { _ in } }
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup,
        _ makeHandler: @escaping @Sendable (any Channel) -> any ChannelHandler
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(makeHandler(channel))
                }
            }
    }
}
