import NIOConcurrencyHelpers
import NIOCore
import SystemSupport
import TextSupport
import Wire

/// The number of clients of all sockets.
///
/// Threading: any thread.
public final class ClientCounter: Sendable {
    private let number = NIOLockedValueBox(0)

    public init() {}

    public var count: Int { number.withLockedValue { $0 } }

    func add(_ difference: Int) { number.withLockedValue { $0 += difference } }
}

/// The requests that run outside the event loop, which must not end before them: their results return to it.
///
/// Threading: any thread.
final class RequestCounter: Sendable {
    private struct State {
        var count = 0
        var onIdle: (@Sendable () -> Void)?
    }

    private let state = NIOLockedValueBox(State())

    func begin() { state.withLockedValue { $0.count += 1 } }

    func end() {
        let onIdle = state.withLockedValue { state in
            state.count -= 1
            return state.count == 0 ? state.onIdle : nil
        }
        onIdle?()
    }

    /// Calls `body` once no request is in progress; now if none is.
    func whenIdle(_ body: @escaping @Sendable () -> Void) {
        let isIdle = state.withLockedValue { state in
            state.onIdle = body
            return state.count == 0
        }
        if isIdle { body() }
    }
}

/// The connections of one socket, counted and limited.
///
/// Threading: any thread.
final class ClientRegistry: Sendable {
    /// Maximum number of connections served at a time.
    let limit: Int
    let requests: RequestCounter
    private let counter: ClientCounter
    private let state = NIOLockedValueBox(State())

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isStopping = false
        /// Highest number of connections since the heap was last trimmed.
        var peak = 0
    }

    /// With fewer clients the heap is not worth trimming.
    private static let smallestPeak = 32

    init(limit: Int, counter: ClientCounter, requests: RequestCounter) {
        self.limit = limit
        self.counter = counter
        self.requests = requests
    }

    /// Whether the daemon is stopping: no client is admitted, and requests are refused.
    var isStopping: Bool { state.withLockedValue { $0.isStopping } }

    /// Registers a connection until it closes.
    ///
    /// - Throws: ``RPCError`` with the reason when the client is not admitted.
    func admit(_ channel: any Channel) throws(RPCError) {
        let id = ObjectIdentifier(channel)
        let refusal: RPCError? = state.withLockedValue { state in
            if state.isStopping { return .stopping }
            guard state.channels.count < limit else {
                return RPCError(
                    .tooManyClients,
                    "too many clients: the limit of this socket is \(limit); disconnect one, or raise max_clients "
                        + "and the limit of open files")
            }
            state.channels[id] = channel
            state.peak = max(state.peak, state.channels.count)
            return nil
        }
        if let refusal { throw refusal }
        counter.add(1)
        channel.closeFuture.whenComplete { _ in
            self.state.withLockedValue { _ = $0.channels.removeValue(forKey: id) }
            self.counter.add(-1)
            self.trimHeapAfterMassDisconnect()
        }
    }

    /// Refuses new connections and requests from now on.
    ///
    /// - Returns: The connections that are still open.
    func stop() -> [any Channel] {
        state.withLockedValue { state in
            state.isStopping = true
            return Array(state.channels.values)
        }
    }

    /// Returns the memory of record queues to the system after most clients have disconnected; malloc would
    /// otherwise keep it.
    private func trimHeapAfterMassDisconnect() {
        let isDue = state.withLockedValue { state in
            let count = state.channels.count
            guard state.peak >= Self.smallestPeak, count < state.peak / 2 else { return false }
            state.peak = count
            return true
        }
        if isDue { Heap.trim() }
    }
}

/// What both sockets do when a client connects.
struct ClientGreeting: Sendable {
    let registry: ClientRegistry
    let handler: any RequestHandler

    /// Registers the client, or sends it the reason for the refusal and closes.
    ///
    /// - Returns: Whether the client is served.
    func admit(_ channel: any Channel) -> Bool {
        do throws(RPCError) {
            try registry.admit(channel)
            return true
        } catch {
            let line = RPCReply.line(id: .null, error: error)
            channel.writeAndFlush(ByteBuffer(bytes: line)).whenComplete { _ in channel.close(promise: nil) }
            return false
        }
    }

    func hello() -> LiveRecord {
        .hello(handler.hello())
    }

    func sendHello(_ channel: any Channel) {
        channel.writeAndFlush(ByteBuffer(bytes: hello().encoded()), promise: nil)
    }
}

/// Sent through a client's pipeline when the server stops.
enum ClientEvent: Sendable {
    /// Finish the request in progress, refuse those after it, write what is queued, then close.
    case finish
    /// Do not wait for the request in progress any longer: answer it with an error.
    case interrupt
}
