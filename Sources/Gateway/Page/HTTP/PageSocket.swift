private import Glibc
internal import NIOCore

/// What the kernel does with a connection.
enum PageSocket {
    /// Closes a connection at once, and has the kernel discard what it has not sent: for a client that does
    /// not read, it would retry for minutes and hold that memory, outside every limit of the server.
    static func reset(_ channel: any Channel) {
        _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        channel.close(promise: nil)
    }

    /// Bytes that the client has not received, with the kernel's overhead; 0 if they are not known.
    static func unsentBytes(_ channel: any Channel) -> EventLoopFuture<Int> {
        guard let socket = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(0)
        }
        let memory: EventLoopFuture<SocketMemory> = socket.unsafeGetSocketOption(
            level: SocketOptionLevel(SOL_SOCKET), name: SocketOptionName(SO_MEMINFO))
        return memory.map { Int($0.queuedToSend) }.recover { _ in 0 }
    }

    /// What the kernel writes for `SO_MEMINFO`.
    private struct SocketMemory: Sendable {
        var received: UInt32 = 0
        var receiveLimit: UInt32 = 0
        var inFlight: UInt32 = 0
        var sendLimit: UInt32 = 0
        var reserved: UInt32 = 0
        var queuedToSend: UInt32 = 0
        var options: UInt32 = 0
        var backlog: UInt32 = 0
        var drops: UInt32 = 0
    }
}
