import NIOConcurrencyHelpers
public import Wire

/// Publishes live records to all subscribers without waiting for any of them.
///
/// Threading: any thread. The lock is held only while a record is encoded and queued or a few lines are
/// dequeued; no socket is used and nothing is awaited under it.
public final class EventHub: Sendable {
    /// Bounds of the queues and of the history.
    public struct Limits: Sendable {
        /// Maximum number of bytes queued for one client.
        public var queueBytes: Int
        /// Maximum number of records queued for one client.
        public var queueRecords: Int
        /// Numbers of predictions, of events and of other records that are kept for `since_seq`.
        public var predictions: Int
        public var events: Int
        public var otherRecords: Int
        /// Labels in a prediction for clients that set neither `labels` nor `top_k`; nil for all.
        public var defaultTopK: Int?

        public init(
            queueBytes: Int = 256 * 1024, queueRecords: Int = 4096, predictions: Int = 64,
            events: Int = 8192, otherRecords: Int = 1024, defaultTopK: Int? = 5
        ) {
            self.queueBytes = queueBytes
            self.queueRecords = queueRecords
            self.predictions = predictions
            self.events = events
            self.otherRecords = otherRecords
            self.defaultTopK = defaultTopK
        }
    }

    // A pthread lock: the thread sanitizer does not understand Synchronization.Mutex.
    private let state: NIOLockedValueBox<HubState>
    private let firstSubscriberAction = NIOLockedValueBox<(@Sendable () -> Void)?>(nil)

    private let journal: EventJournal?

    /// - Parameter run: Which run the records belong to.
    public convenience init(limits: Limits = Limits(), run: RunID = RunID()) {
        self.init(limits: limits, run: run, journal: nil)
    }

    /// - Parameter journal: Receives the events; nil outside systemd.
    init(limits: Limits = Limits(), run: RunID = RunID(), journal: EventJournal?) {
        self.journal = journal
        state = NIOLockedValueBox(HubState(limits: limits, run: run))
    }

    /// Queues a record for every subscriber whose filter accepts it; it is encoded once per distinct filter.
    ///
    /// Predictions must have all labels, best first: a client that names labels receives them whatever their
    /// rank.
    public func publish(_ record: LiveRecord) {
        state.withLockedValue { $0.publish(record) }
        if case .event(let event) = record { journal?.write(event) }
    }

    /// Sets a part of the current state without publishing it: the state before the first change.
    func retain(_ record: LiveRecord) {
        state.withLockedValue { $0.retain(record) }
    }

    /// Removes a source from the current state.
    func remove(source name: String) {
        state.withLockedValue { $0.remove(source: name) }
    }

    /// The lines that describe the current state, in one piece: the source, the active variants, and the
    /// events in progress.
    func currentState(in form: Subscription.Form) -> [UInt8] {
        state.withLockedValue { $0.currentState(in: form) }
    }

    /// Calls `action` once, on the thread that attaches the first subscriber. Set it before clients can
    /// connect.
    func whenFirstSubscribed(_ action: @escaping @Sendable () -> Void) {
        firstSubscriberAction.withLockedValue { $0 = action }
    }

    /// Number of records that clients have missed because they read too slowly, summed over all clients.
    public var lostRecords: UInt64 {
        state.withLockedValue { $0.lostRecords }
    }

    /// Adds a subscriber. It first receives the current state, then the records that it asked to have
    /// repeated, each record once.
    ///
    /// - Parameter wake: Called when the first record after a ``dequeue(_:maximumBytes:)`` was queued, from
    ///   any thread and under the lock: it may schedule work and must not call the hub. It is never called
    ///   after ``detach(_:)`` has returned.
    /// - Returns: The subscriber's id, and what it receives if it continues an earlier subscription.
    func attach(
        _ subscription: Subscription, wake: @escaping @Sendable () -> Void
    ) -> (id: Int, resumption: SubscribeReply.Resumption?) {
        let attached = state.withLockedValue { $0.attach(subscription, wake: wake) }
        let action = firstSubscriberAction.withLockedValue { pending in
            defer { pending = nil }
            return pending
        }
        action?()
        return attached
    }

    func change(_ id: Int, to subscription: Subscription) -> SubscribeReply.Resumption? {
        state.withLockedValue { $0.change(id, to: subscription) }
    }

    func detach(_ id: Int) {
        state.withLockedValue { $0.detach(id) }
    }

    /// Dequeues lines of this client, in one piece of about `maximumBytes`; empty when none is queued.
    func dequeue(_ id: Int, maximumBytes: Int) -> [UInt8] {
        state.withLockedValue { $0.dequeue(id, maximumBytes: maximumBytes) }
    }

    func isDrained(_ id: Int) -> Bool {
        state.withLockedValue { $0.isDrained(id) }
    }
}
