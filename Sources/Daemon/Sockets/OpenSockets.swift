import NIOCore
import NIOPosix

/// Both sockets while they are served, and the one event loop that serves them.
struct OpenSockets: Sendable {
    /// Longest wait for clients that read slowly, at shutdown.
    private static let grace: TimeAmount = .milliseconds(500)

    private let control: ListeningSocket
    private let events: ListeningSocket
    private let group: MultiThreadedEventLoopGroup
    private let listeners: [any Channel]

    /// Begins to accept clients.
    ///
    /// - Throws: ``SocketServerError/server(path:reason:)``; both sockets are gone then.
    init(
        control: ListeningSocket, events: ListeningSocket,
        makeControl: @escaping @Sendable (any Channel) -> some ChannelHandler,
        makeEvents: @escaping @Sendable (any Channel) -> some ChannelHandler
    ) async throws(SocketServerError) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var listeners: [any Channel] = []
        do {
            listeners.append(
                try await Self.bootstrap(group, makeControl).withBoundSocket(control.descriptor).get())
            listeners.append(
                try await Self.bootstrap(group, makeEvents).withBoundSocket(events.descriptor).get())
        } catch {
            // The event loop owns a descriptor once it was handed over, and closes it.
            control.removeFile()
            events.removeFile()
            try? await group.shutdownGracefully()
            throw .server(path: listeners.isEmpty ? control.path : events.path, reason: "\(error)")
        }
        self.control = control
        self.events = events
        self.group = group
        self.listeners = listeners
    }

    /// Stops accepting, lets the clients read for a moment what is queued for them, closes everything.
    ///
    /// - Parameter clients: The connections there are once no new one is accepted.
    func close(clients: () -> [any Channel]) async {
        control.removeFile()
        events.removeFile()
        for listener in listeners { try? await listener.close() }
        let remaining = clients()
        for channel in remaining {
            channel.pipeline.fireUserInboundEventTriggered(ClientEvent.finish)
        }
        let loop = group.next()
        let deadline = loop.scheduleTask(in: Self.grace) {
            for channel in remaining { channel.close(promise: nil) }
        }
        try? await EventLoopFuture.andAllComplete(remaining.map(\.closeFuture), on: loop).get()
        deadline.cancel()
        try? await group.shutdownGracefully()
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup,
        _ makeHandler: @escaping @Sendable (any Channel) -> some ChannelHandler
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
