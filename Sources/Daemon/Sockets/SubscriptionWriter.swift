import NIOCore
import Wire

/// Moves one client's records from the hub to its socket, at the pace at which the client reads.
///
/// Threading: the channel's event loop only; the hub wakes it from other threads through that loop.
final class SubscriptionWriter {
    private static let pieceBytes = 32 * 1024

    private let hub: EventHub
    private let channel: any Channel
    private var id: Int?

    init(hub: EventHub, channel: any Channel) {
        self.hub = hub
        self.channel = channel
    }

    /// Whether no record is queued in the hub for this client.
    var isDrained: Bool { id.map { hub.isDrained($0) } ?? true }

    var isOpen: Bool { id != nil }

    /// Starts the subscription, or replaces it when there is one; nothing is written before ``drain()``.
    ///
    /// - Returns: What a client that continues an earlier subscription receives.
    @discardableResult
    func open(_ subscription: Subscription) -> SubscribeReply.Resumption? {
        if let id { return hub.change(id, to: subscription) }
        let writer = NIOLoopBound(self, eventLoop: channel.eventLoop)
        let attached = hub.attach(subscription) {
            writer.eventLoop.execute { writer.value.drain() }
        }
        id = attached.id
        return attached.resumption
    }

    /// Ends the subscription; queued records are dropped.
    func close() {
        if let id { hub.detach(id) }
        id = nil
    }

    /// Writes while the socket accepts more; call it again when the channel becomes writable.
    func drain() {
        guard let id else { return }
        while channel.isActive && channel.isWritable {
            let piece = hub.dequeue(id, maximumBytes: Self.pieceBytes)
            guard !piece.isEmpty else { return }
            channel.writeAndFlush(ByteBuffer(bytes: piece), promise: nil)
        }
    }
}
