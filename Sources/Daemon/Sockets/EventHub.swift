import NIOConcurrencyHelpers
public import Wire

/// Hands every live record to everybody who listens, without ever waiting for any of them.
///
/// Threading: every method may be called from any thread. A lock is held for the time it takes to encode
/// and queue a record, or to take a few lines; no socket is touched and nothing awaited under it.
public final class EventHub: Sendable {
    /// What is kept, and for whom how much.
    public struct Limits: Sendable {
        /// Most bytes queued for one client.
        public var queueBytes: Int
        /// Most records queued for one client.
        public var queueRecords: Int
        /// Records remembered for `since_seq`.
        public var history: Int
        /// Labels in a prediction for clients that ask for none in particular; nil for all.
        public var defaultTopK: Int?

        public init(
            queueBytes: Int = 256 * 1024, queueRecords: Int = 4096, history: Int = 64, defaultTopK: Int? = 5
        ) {
            self.queueBytes = queueBytes
            self.queueRecords = queueRecords
            self.history = history
            self.defaultTopK = defaultTopK
        }
    }

    // A pthread lock, which the thread sanitizer understands; it does not see Synchronization.Mutex.
    private let state: NIOLockedValueBox<HubState>
    private let firstSubscriberAction = NIOLockedValueBox<(@Sendable () -> Void)?>(nil)

    public init(limits: Limits = Limits()) {
        state = NIOLockedValueBox(HubState(limits: limits))
    }

    /// Queues a record for every client that wants it; it is encoded once for all that want the same.
    ///
    /// Publish predictions with all labels, best first: clients that ask for labels by name get them even
    /// when they are not among the best.
    public func publish(_ record: LiveRecord) {
        state.withLockedValue { $0.publish(record) }
    }

    /// Calls `action` once, on the thread that attaches the first client. To be set before clients can connect.
    func whenFirstSubscribed(_ action: @escaping @Sendable () -> Void) {
        firstSubscriberAction.withLockedValue { $0 = action }
    }

    /// Records that clients missed since the start because they read too slowly, summed over all.
    public var lostRecords: UInt64 {
        state.withLockedValue { $0.lostRecords }
    }

    /// - Parameter wake: Called when the first record after a ``take(_:maximumBytes:)`` was queued, from any
    ///   thread and under the lock: it may schedule work and must not call the hub. It is not called any more
    ///   once ``detach(_:)`` has returned.
    func attach(_ subscription: Subscription, wake: @escaping @Sendable () -> Void) -> Int {
        let id = state.withLockedValue { $0.attach(subscription, wake: wake) }
        let action = firstSubscriberAction.withLockedValue { pending in
            defer { pending = nil }
            return pending
        }
        action?()
        return id
    }

    func change(_ id: Int, to subscription: Subscription) {
        state.withLockedValue { $0.change(id, to: subscription) }
    }

    func detach(_ id: Int) {
        state.withLockedValue { $0.detach(id) }
    }

    /// Lines for this client, in one piece of about `maximumBytes`; empty when nothing waits.
    func take(_ id: Int, maximumBytes: Int) -> [UInt8] {
        state.withLockedValue { $0.take(id, maximumBytes: maximumBytes) }
    }

    func isDrained(_ id: Int) -> Bool {
        state.withLockedValue { $0.isDrained(id) }
    }
}
