internal import NIOCore
internal import NIOHTTP1
private import TextSupport

/// A client that receives records as they happen.
///
/// What it does not read in time waits in a bounded queue; what does not fit is dropped, and counted in a
/// message `lost` at that place. The connection of a client that reads nothing for some time is reset.
///
/// Threading: event loop only.
final class LiveClient {
    let request: LiveRequest
    private let channel: any Channel
    private let capacity: Int
    private var waiting = CircularBuffer<ByteBuffer>()
    /// Of ``waiting``, the first: those of ``open(_:)``. They do not count for the capacity.
    private var opening = 0
    /// Messages that were dropped behind those that wait.
    private var missed: UInt64 = 0
    /// Since when it does not read; nil: it does.
    private(set) var blockedSince: NIODeadline?

    init(_ request: LiveRequest, channel: any Channel, capacity: Int) {
        (self.request, self.channel, self.capacity) = (request, channel, capacity)
    }

    func wants(_ message: LiveMessage) -> Bool {
        if message.kind == .spectrum && !request.wantsSpectrum { return false }
        return wants(message.daemon)
    }

    func wants(_ daemon: String?) -> Bool {
        guard let daemon, !request.daemons.isEmpty else { return true }
        return request.daemons.contains(daemon)
    }

    /// Sends what is worth nothing later: a client that does not read at the moment misses it.
    func sendNow(_ bytes: ByteBuffer) {
        if waiting.isEmpty, channel.isWritable { write(bytes) }
    }

    /// Sends a part of what a client receives first, before any other message. It is never dropped: there are
    /// no more than the events that the hub keeps.
    func open(_ bytes: ByteBuffer) {
        if waiting.isEmpty, channel.isWritable { return write(bytes) }
        waiting.append(bytes)
        opening += 1
    }

    /// - Returns: Whether it is sent or waits; false: it is dropped.
    @discardableResult
    func send(_ bytes: ByteBuffer) -> Bool {
        if waiting.isEmpty, missed == 0, channel.isWritable {
            write(bytes)
            return true
        }
        guard missed == 0, waiting.count - opening < capacity else {
            missed += 1
            return false
        }
        waiting.append(bytes)
        return true
    }

    /// Keeps the connection open where proxies close silent ones, and finds out that a client is away.
    func beat() {
        if waiting.isEmpty, channel.isWritable { write(ByteBuffer(string: ":\n\n")) }
    }

    /// Sends what waits, as far as the client reads.
    func drain() {
        if channel.isWritable { blockedSince = nil }
        while channel.isWritable, let bytes = waiting.popFirst() {
            opening = max(0, opening - 1)
            write(bytes)
        }
        guard waiting.isEmpty, channel.isWritable else { return }
        if missed > 0 {
            let lost = LiveMessage(.lost, of: nil) { [missed] in $0.member("count", missed) }
            missed = 0
            write(lost.bytes())
        }
    }

    /// Closes the connection of a client that does not read.
    func reset() { PageSocket.reset(channel) }

    private func write(_ bytes: ByteBuffer) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(bytes)), promise: nil)
        blockedSince = channel.isWritable ? nil : blockedSince ?? .now()
    }
}
