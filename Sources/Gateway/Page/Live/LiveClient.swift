private import Glibc
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

    /// - Returns: Whether it is sent or waits; false: it is dropped.
    @discardableResult
    func send(_ bytes: ByteBuffer) -> Bool {
        if waiting.isEmpty, missed == 0, channel.isWritable {
            write(bytes)
            return true
        }
        guard missed == 0, waiting.count < capacity else {
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
        while channel.isWritable, let bytes = waiting.popFirst() { write(bytes) }
        guard waiting.isEmpty, channel.isWritable else { return }
        if missed > 0 {
            let lost = LiveMessage(.lost, of: nil) { [missed] in $0.member("count", missed) }
            missed = 0
            write(lost.bytes())
        }
    }

    /// Closes the connection at once, and has the kernel discard what it has not sent: for a client that does
    /// not read, it would retry for minutes and hold that memory, outside every limit of the server.
    func reset() {
        _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        channel.close(promise: nil)
    }

    private func write(_ bytes: ByteBuffer) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(bytes)), promise: nil)
        blockedSince = channel.isWritable ? nil : blockedSince ?? .now()
    }
}
