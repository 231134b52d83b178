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
        /// Number of records kept for `since_seq`.
        public var history: Int
        /// Labels in a prediction for clients that set neither `labels` nor `top_k`; nil for all.
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

    // A pthread lock: the thread sanitizer does not understand Synchronization.Mutex.
    private let state: NIOLockedValueBox<HubState>
    private let firstSubscriberAction = NIOLockedValueBox<(@Sendable () -> Void)?>(nil)

    public init(limits: Limits = Limits()) {
        state = NIOLockedValueBox(HubState(limits: limits))
    }

    /// Queues a record for every subscriber whose filter accepts it; it is encoded once per distinct filter.
    ///
    /// Predictions must have all labels, best first: a client that names labels receives them whatever their
    /// rank.
    public func publish(_ record: LiveRecord) {
        state.withLockedValue { $0.publish(record) }
    }

    /// Sets a part of the current state without publishing it: the state before the first change.
    func retain(_ record: LiveRecord) {
        state.withLockedValue { $0.retain(record) }
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
    /// - Returns: The subscriber's id.
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

    /// Dequeues lines of this client, in one piece of about `maximumBytes`; empty when none is queued.
    func dequeue(_ id: Int, maximumBytes: Int) -> [UInt8] {
        state.withLockedValue { $0.dequeue(id, maximumBytes: maximumBytes) }
    }

    func isDrained(_ id: Int) -> Bool {
        state.withLockedValue { $0.isDrained(id) }
    }
}

/// The hub without its lock: the subscribers, their queues, and the last records.
struct HubState {
    private struct Client {
        var subscription: Subscription
        var mailbox: Mailbox
        let wake: @Sendable () -> Void
        /// Whether `wake` was called and nothing was dequeued since.
        var isWoken = false
    }

    private let limits: EventHub.Limits
    private var clients: [Int: Client] = [:]
    private var nextID = 1
    private var history: [LiveRecord] = []
    private var current = CurrentState()
    private(set) var lostRecords: UInt64 = 0

    init(limits: EventHub.Limits) {
        self.limits = limits
    }

    /// Queues the record for every subscriber whose filter accepts it, and wakes those that were idle.
    mutating func publish(_ record: LiveRecord) {
        appendToHistory(record)
        current.update(with: record)
        var lines: [Subscription: [UInt8]?] = [:]
        for id in clients.keys {
            guard let subscription = clients[id]?.subscription else { continue }
            let line =
                lines[subscription] ?? subscription.line(for: record, defaultTopK: limits.defaultTopK)
            lines[subscription] = .some(line)
            guard let line else { continue }
            if clients[id]?.mailbox.enqueue(line) == false { lostRecords += 1 }
            wake(id)
        }
    }

    mutating func retain(_ record: LiveRecord) { current.update(with: record) }

    func currentState(in form: Subscription.Form) -> [UInt8] { current.records.flatMap { form.line($0) } }

    /// Adds a client; the current state, and the records that it asked to have repeated, are queued when this
    /// returns.
    mutating func attach(_ subscription: Subscription, wake: @escaping @Sendable () -> Void) -> Int {
        let id = nextID
        nextID += 1
        let mailbox = Mailbox(form: subscription.form, limits: limits)
        clients[id] = Client(subscription: subscription, mailbox: mailbox, wake: wake)
        welcome(id)
        return id
    }

    /// Replaces a client's subscription; lines that are already queued stay.
    mutating func change(_ id: Int, to subscription: Subscription) {
        clients[id]?.subscription = subscription
        welcome(id)
    }

    mutating func detach(_ id: Int) {
        clients[id] = nil
    }

    mutating func dequeue(_ id: Int, maximumBytes: Int) -> [UInt8] {
        clients[id]?.isWoken = false
        return clients[id]?.mailbox.dequeue(maximumBytes: maximumBytes) ?? []
    }

    func isDrained(_ id: Int) -> Bool {
        clients[id]?.mailbox.isEmpty ?? true
    }

    private mutating func wake(_ id: Int) {
        guard let client = clients[id], !client.isWoken else { return }
        clients[id]?.isWoken = true
        client.wake()
    }

    private mutating func appendToHistory(_ record: LiveRecord) {
        history.append(record)
        if history.count > limits.history { history.removeFirst(history.count - limits.history) }
    }

    /// Queues what a new subscription starts with.
    private mutating func welcome(_ id: Int) {
        let repeated = repeatedRecords(for: id)
        // A part of the state that is not among the repeated records is older than all of them.
        for record in current.records where !repeated.contains(record) { enqueue(record, for: id) }
        for record in repeated { enqueue(record, for: id) }
    }

    /// The records that a client asked to have repeated, as far as they are still held.
    private mutating func repeatedRecords(for id: Int) -> [LiveRecord] {
        guard let since = clients[id]?.subscription.parameters.sinceSeq else { return [] }
        let sequence = history.map { record -> UInt64? in
            if case .prediction(let prediction) = record { prediction.seq } else { nil }
        }
        var first = 0
        if let known = sequence.lastIndex(where: { $0.map { $0 <= since } ?? false }) {
            first = known + 1
        } else if let oldest = sequence.compactMap({ $0 }).first, oldest - 1 > since {
            clients[id]?.mailbox.addLost(oldest - 1 - since)
        }
        return Array(history[first...])
    }

    private mutating func enqueue(_ record: LiveRecord, for id: Int) {
        guard let line = clients[id]?.subscription.line(for: record, defaultTopK: limits.defaultTopK)
        else { return }
        if clients[id]?.mailbox.enqueue(line) == false { lostRecords += 1 }
    }
}
