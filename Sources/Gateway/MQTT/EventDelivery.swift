/// Which events are on their way to the broker, and which ones it has.
///
/// An event waits in the outbox, a table of the history, or, while the disk is full, here alone:
///
///     outbox ─► row ─────────┐
///                            ├─► in flight ─► acknowledged ─► row deleted
///     not stored ─► waiting ─┘                           └──► remembered, if it has no row yet
///
/// What was published without a row arrives in the outbox when the history has caught up. Its key recognises
/// it, so that it is published once as long as this process lives.
///
/// A value without I/O.
struct EventDelivery {
    struct Item: Equatable, Sendable {
        /// The same for an event that arrives again: daemon, state and id.
        var key: String
        var payload: String
        /// Its row in the outbox; nil: it could not be stored.
        var row: Int64?
    }

    /// Newest row that was read.
    private(set) var lastRow: Int64 = 0
    /// Rows whose events the broker has.
    private(set) var finishedRows: Set<Int64> = []
    private var waiting: [Item] = []
    private var inFlight: [Int32: Item] = [:]
    /// Keys of the newest events that the broker has and that had no row.
    private var delivered: RecentIDs

    private static let maximumInFlight = 20
    private static let maximumWaiting = 1000

    /// - Parameter memory: How many keys are kept; a daemon repeats at most 8192 records of events.
    init(memory: Int) { delivered = RecentIDs(capacity: memory) }

    /// How many may be sent now.
    var room: Int { max(0, Self.maximumInFlight - inFlight.count) }

    /// Whether nothing is on its way, except what the outbox still has after ``lastRow``.
    var isIdle: Bool { waiting.isEmpty && inFlight.isEmpty && finishedRows.isEmpty }

    /// Events that could not be stored; of too many, the oldest are left to the outbox, which receives them
    /// later.
    mutating func append(_ items: [Item]) {
        for item in items where !isKnown(item.key) { waiting.append(item) }
        if waiting.count > Self.maximumWaiting { waiting.removeFirst(waiting.count - Self.maximumWaiting) }
    }

    private func isKnown(_ key: String) -> Bool {
        delivered.contains(key) || waiting.contains { $0.key == key }
            || inFlight.values.contains { $0.key == key }
    }

    /// What has to be sent.
    ///
    /// - Parameters:
    ///   - rows: The next rows of the outbox, in order.
    ///   - isAll: Whether it has no further ones. Events without a row are newer than all rows.
    mutating func next(rows: [Item], isAll: Bool) -> [Item] {
        var items: [Item] = []
        for row in rows {
            guard let id = row.row else { continue }
            lastRow = id
            if let flight = inFlight.first(where: { $0.value.row == nil && $0.value.key == row.key }) {
                inFlight[flight.key]?.row = id
            } else if delivered.contains(row.key) {
                finishedRows.insert(id)
            } else {
                waiting.removeAll { $0.key == row.key }
                items.append(row)
            }
        }
        if isAll {
            let count = min(waiting.count, max(0, room - items.count))
            items += waiting[..<count]
            waiting.removeFirst(count)
        }
        return items
    }

    /// The client has taken an event.
    mutating func sent(_ item: Item, as number: Int32) { inFlight[number] = item }

    /// The broker has these messages; numbers of others are ignored.
    mutating func acknowledged(_ numbers: [Int32]) {
        for number in numbers {
            guard let item = inFlight.removeValue(forKey: number) else { continue }
            if let row = item.row { finishedRows.insert(row) } else { delivered.insert(item.key) }
        }
    }

    /// The rows were deleted.
    mutating func deleted(_ rows: Set<Int64>) { finishedRows.subtract(rows) }
}
