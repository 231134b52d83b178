import Wire

/// The ``EventHub`` without its lock: the subscribers, their queues, and the last records.
///
/// A client that continues an earlier subscription reads the history at its own pace; nothing is queued for
/// it until it has reached the newest record.
///
///     history  ├── held ──────────┤ newest
///                    ▲ cursor ──▶   then: queue
struct HubState {
    private struct Client {
        var subscription: Subscription
        var mailbox: Mailbox
        let wake: @Sendable () -> Void
        /// Whether `wake` was called and nothing was dequeued since.
        var isWoken = false
        /// The next record of the history that it receives; nil when it has caught up.
        var cursor: UInt64?
    }

    private let limits: EventHub.Limits
    private let run: RunID
    private var clients: [Int: Client] = [:]
    private var nextID = 1
    private var history: RecordHistory
    private var current = CurrentState()
    private(set) var lostRecords: UInt64 = 0

    init(limits: EventHub.Limits, run: RunID) {
        self.limits = limits
        self.run = run
        history = RecordHistory(limits: limits)
    }

    /// Queues the record for every subscriber whose filter accepts it, and wakes those that were idle.
    mutating func publish(_ record: LiveRecord) {
        // Pictures are for now: they would displace the records that a client must not miss.
        if record.kind != .spectrum {
            let (number, removed) = history.append(record)
            if let removed { countLost(removed) }
            current.update(with: record, number: number)
        }
        var lines: [Subscription: [UInt8]?] = [:]
        for (id, client) in clients where client.cursor == nil {
            let subscription = client.subscription
            let line =
                lines[subscription] ?? subscription.line(for: record, defaultTopK: limits.defaultTopK)
            lines[subscription] = .some(line)
            guard let line else { continue }
            if clients[id]?.mailbox.enqueue(line) == false { lostRecords += 1 }
            wake(id)
        }
    }

    mutating func remove(source name: String) { current.remove(source: name) }

    mutating func retain(_ record: LiveRecord) { current.update(with: record, number: 0) }

    func currentState(in form: Subscription.Form) -> [UInt8] {
        current.parts.flatMap { form.line($0.record) }
    }

    /// Adds a client; the current state is queued when this returns.
    mutating func attach(
        _ subscription: Subscription, wake: @escaping @Sendable () -> Void
    ) -> (id: Int, resumption: SubscribeReply.Resumption?) {
        let id = nextID
        nextID += 1
        let mailbox = Mailbox(form: subscription.form, limits: limits)
        clients[id] = Client(subscription: subscription, mailbox: mailbox, wake: wake)
        return (id, welcome(id))
    }

    /// Replaces a client's subscription; lines that are already queued stay.
    mutating func change(_ id: Int, to subscription: Subscription) -> SubscribeReply.Resumption? {
        clients[id]?.subscription = subscription
        return welcome(id)
    }

    mutating func detach(_ id: Int) {
        clients[id] = nil
    }

    mutating func dequeue(_ id: Int, maximumBytes: Int) -> [UInt8] {
        clients[id]?.isWoken = false
        let queued = clients[id]?.mailbox.dequeue(maximumBytes: maximumBytes) ?? []
        return queued.isEmpty ? repeated(id, maximumBytes: maximumBytes) : queued
    }

    func isDrained(_ id: Int) -> Bool {
        guard let client = clients[id] else { return true }
        return client.mailbox.isEmpty && client.cursor == nil
    }

    private mutating func wake(_ id: Int) {
        guard let client = clients[id], !client.isWoken else { return }
        clients[id]?.isWoken = true
        client.wake()
    }

    /// Queues what a new subscription starts with, and finds where it continues.
    private mutating func welcome(_ id: Int) -> SubscribeReply.Resumption? {
        guard let parameters = clients[id]?.subscription.parameters else { return nil }
        var resumption: SubscribeReply.Resumption?
        var lost: UInt64 = 0
        if let since = parameters.sinceSeq {
            let isSameRun = parameters.run.map { $0 == run } ?? true && history.hasReached(since)
            let position = history.position(after: isSameRun ? since : 0)
            clients[id]?.cursor = position.number
            lost = position.lostRecords
            resumption = SubscribeReply.Resumption(
                run: run, isSameRun: isSameRun, missedPredictions: position.missedPredictions,
                hasMissedEvents: position.hasMissedEvents)
        }
        let cursor = clients[id]?.cursor ?? .max
        for part in current.parts {
            // A part of the state that is among the records to come is sent there.
            if part.number >= cursor && history.holds(part.number, part.record.kind) { continue }
            if let line = line(part.record, for: id) { clients[id]?.mailbox.enqueueState(line) }
        }
        clients[id]?.mailbox.addLost(lost)
        return resumption
    }

    /// The next lines of the history for a client that has not caught up.
    private mutating func repeated(_ id: Int, maximumBytes: Int) -> [UInt8] {
        var piece: [UInt8] = []
        while let cursor = clients[id]?.cursor, piece.count < maximumBytes {
            guard let entry = history.next(from: cursor) else {
                clients[id]?.cursor = nil
                break
            }
            clients[id]?.cursor = entry.number + 1
            if let line = line(entry.record, for: id) { piece += line }
        }
        return piece
    }

    /// Counts a record that is no longer held for the clients that had not reached it.
    private mutating func countLost(_ removed: RecordHistory.Entry) {
        for (id, client) in clients {
            guard let cursor = client.cursor, cursor <= removed.number,
                client.subscription.select(removed.record, defaultTopK: limits.defaultTopK) != nil
            else { continue }
            clients[id]?.mailbox.addLost(1)
            lostRecords += 1
        }
    }

    private func line(_ record: LiveRecord, for id: Int) -> [UInt8]? {
        clients[id]?.subscription.line(for: record, defaultTopK: limits.defaultTopK)
    }
}
