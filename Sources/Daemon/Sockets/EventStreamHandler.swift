import NIOCore
import Wire

/// One client of `events.sock`: receives `hello`, the current state, then every record. Bytes that it sends
/// are discarded.
///
/// Threading: event loop only.
final class EventStreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let greeting: ClientGreeting
    private let writer: SubscriptionWriter
    private var isFinishing = false

    init(greeting: ClientGreeting, hub: EventHub, channel: any Channel) {
        self.greeting = greeting
        writer = SubscriptionWriter(hub: hub, channel: channel)
    }

    func channelActive(context: ChannelHandlerContext) {
        guard greeting.admit(context.channel) else { return }
        // In this order, a client that has read hello receives the current state, and everything published
        // after it.
        writer.open(.everything)
        greeting.sendHello(context.channel)
        writer.drain()
    }

    func channelInactive(context: ChannelHandlerContext) {
        writer.close()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writer.drain()
        closeIfFinished(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .finish? = event as? ClientEvent else { return }
        isFinishing = true
        writer.drain()
        closeIfFinished(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func closeIfFinished(_ context: ChannelHandlerContext) {
        guard isFinishing, writer.isDrained else { return }
        let channel = context.channel
        channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
    }
}
