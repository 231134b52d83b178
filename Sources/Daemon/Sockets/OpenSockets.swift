import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Both sockets while they are served, and the one event loop that serves them.
struct OpenSockets: Sendable {
    /// Longest wait for clients that read slowly, at shutdown.
    private static let grace: TimeAmount = .milliseconds(500)

    /// A socket and what accepts its clients.
    private struct Door: Sendable {
        var socket: ListeningSocket
        var listener: any Channel
        let makeHandler: @Sendable (any Channel) -> any ChannelHandler
    }

    private let group: MultiThreadedEventLoopGroup
    private let doors: NIOLockedValueBox<[Door]>

    /// Begins to accept clients.
    ///
    /// - Throws: ``SocketServerError/server(path:reason:)``; both sockets are gone then.
    init(
        control: ListeningSocket, events: ListeningSocket,
        makeControl: @escaping @Sendable (any Channel) -> any ChannelHandler,
        makeEvents: @escaping @Sendable (any Channel) -> any ChannelHandler
    ) async throws(SocketServerError) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var doors: [Door] = []
        do {
            for (socket, makeHandler) in [(control, makeControl), (events, makeEvents)] {
                let listener = try await Self.bootstrap(group, makeHandler).withBoundSocket(socket.descriptor)
                    .get()
                doors.append(Door(socket: socket, listener: listener, makeHandler: makeHandler))
            }
        } catch {
            // The event loop owns a descriptor once it was handed over, and closes it.
            control.removeFile()
            events.removeFile()
            try? await group.shutdownGracefully()
            throw .server(path: doors.isEmpty ? control.path : events.path, reason: "\(error)")
        }
        self.group = group
        self.doors = NIOLockedValueBox(doors)
    }

    /// Opens again what somebody has removed the file of. Clients that are connected stay. Not to be called while another
    /// call of it, or ``close(clients:)``, is at work.
    ///
    /// - Parameter open: Binds the socket at a path anew.
    /// - Returns: The paths of the sockets that were opened.
    func restore(
        _ open: (String) throws(SocketServerError) -> ListeningSocket
    ) async throws(SocketServerError) -> [String] {
        var restored: [String] = []
        for (index, door) in doors.withLockedValue({ $0 }).enumerated() where door.socket.isFileGone {
            let socket = try open(door.socket.path)
            do {
                let listener = try await Self.bootstrap(group, door.makeHandler)
                    .withBoundSocket(socket.descriptor).get()
                doors.withLockedValue { doors in
                    doors[index].socket = socket
                    doors[index].listener = listener
                }
                restored.append(socket.path)
            } catch {
                socket.removeFile()
                throw .server(path: socket.path, reason: "\(error)")
            }
            try? await door.listener.close()
        }
        return restored
    }

    /// Stops accepting, lets the clients read for a moment what is queued for them, closes everything.
    ///
    /// - Parameter clients: The connections there are once no new one is accepted.
    func close(clients: () -> [any Channel]) async {
        let doors = doors.withLockedValue { $0 }
        for door in doors { door.socket.removeFile() }
        for door in doors { try? await door.listener.close() }
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
