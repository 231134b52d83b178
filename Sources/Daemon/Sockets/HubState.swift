import Wire

/// Who listens, what each has yet to read, and the last records: the hub without its lock.
struct HubState {
    private struct Client {
        var subscription: Subscription
        var mailbox: Mailbox
        let wake: @Sendable () -> Void
        /// Whether `wake` was called and nothing taken since.
        var isWoken = false
    }

    private let limits: EventHub.Limits
    private var clients: [Int: Client] = [:]
    private var nextID = 1
    private var history: [LiveRecord] = []
    private(set) var lostRecords: UInt64 = 0

    init(limits: EventHub.Limits) {
        self.limits = limits
    }

    /// Queues the record for everybody who wants it, and wakes those who were idle.
    mutating func publish(_ record: LiveRecord) {
        remember(record)
        var lines: [Subscription: [UInt8]?] = [:]
        for id in clients.keys {
            guard let subscription = clients[id]?.subscription else { continue }
            let line =
                lines[subscription] ?? subscription.line(for: record, defaultTopK: limits.defaultTopK)
            lines[subscription] = .some(line)
            guard let line else { continue }
            if clients[id]?.mailbox.put(line) == false { lostRecords += 1 }
            wake(id)
        }
    }

    /// Adds a client; what it asks to be repeated is in its mailbox when this returns.
    mutating func attach(_ subscription: Subscription, wake: @escaping @Sendable () -> Void) -> Int {
        let id = nextID
        nextID += 1
        let mailbox = Mailbox(form: subscription.form, limits: limits)
        clients[id] = Client(subscription: subscription, mailbox: mailbox, wake: wake)
        replay(to: id)
        return id
    }

    /// Gives a client another subscription; what is already queued for it stays.
    mutating func change(_ id: Int, to subscription: Subscription) {
        clients[id]?.subscription = subscription
        replay(to: id)
    }

    mutating func detach(_ id: Int) {
        clients[id] = nil
    }

    mutating func take(_ id: Int, maximumBytes: Int) -> [UInt8] {
        clients[id]?.isWoken = false
        return clients[id]?.mailbox.take(maximumBytes: maximumBytes) ?? []
    }

    func isDrained(_ id: Int) -> Bool {
        clients[id]?.mailbox.isEmpty ?? true
    }

    private mutating func wake(_ id: Int) {
        guard let client = clients[id], !client.isWoken else { return }
        clients[id]?.isWoken = true
        client.wake()
    }

    private mutating func remember(_ record: LiveRecord) {
        history.append(record)
        if history.count > limits.history { history.removeFirst(history.count - limits.history) }
    }

    private mutating func replay(to id: Int) {
        guard let subscription = clients[id]?.subscription, let since = subscription.parameters.sinceSeq
        else { return }
        let sequence = history.map { record -> UInt64? in
            if case .prediction(let prediction) = record { prediction.seq } else { nil }
        }
        var first = 0
        if let known = sequence.lastIndex(where: { $0.map { $0 <= since } ?? false }) {
            first = known + 1
        } else if let oldest = sequence.compactMap({ $0 }).first, oldest - 1 > since {
            clients[id]?.mailbox.miss(oldest - 1 - since)
        }
        for record in history[first...] {
            guard let line = subscription.line(for: record, defaultTopK: limits.defaultTopK) else { continue }
            if clients[id]?.mailbox.put(line) == false { lostRecords += 1 }
        }
    }
}
