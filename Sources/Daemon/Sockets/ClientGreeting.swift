internal import TextSupport
import NIOCore
import Wire

/// What both sockets do when a client connects.
struct ClientGreeting: Sendable {
    let registry: ClientRegistry
    let handler: any RequestHandler

    /// Counts the client in, or tells it that there are too many and closes.
    ///
    /// - Returns: Whether the client is served.
    func admit(_ channel: any Channel) -> Bool {
        if registry.admit(channel) { return true }
        let message = "too many clients: this socket serves \(registry.limit) at a time"
        let line = RPCReply.line(id: .null, error: RPCError(.tooManyClients, message))
        channel.writeAndFlush(ByteBuffer(bytes: line)).whenComplete { _ in channel.close(promise: nil) }
        return false
    }

    func hello() -> LiveRecord {
        .hello(handler.hello())
    }

    func sayHello(_ channel: any Channel) {
        channel.writeAndFlush(ByteBuffer(bytes: hello().encoded()), promise: nil)
    }
}
