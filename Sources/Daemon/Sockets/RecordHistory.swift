import Wire

/// The last published records, for clients that continue after an interruption (`since_seq`).
///
/// Predictions, events and all other records have bounds of their own, so that events survive the predictions
/// between them: a client that was away for some minutes still receives every event.
struct RecordHistory {
    struct Entry {
        /// Counts all records of the run, from 1.
        let number: UInt64
        /// The last prediction up to here; of a prediction, its own number.
        let seq: UInt64
        let record: LiveRecord
    }

    /// Records with a common bound.
    private struct BoundedRecords {
        /// From ``oldest`` to the end, then from the start. Not a `CircularBuffer`, which has room for
        /// twice as many when a bound is a power of two.
        private var entries: [Entry] = []
        private var oldest = 0
        let limit: Int
        /// ``Entry/seq`` of the newest record that was removed.
        private(set) var removedSeq: UInt64?

        init(limit: Int) { self.limit = limit }

        /// - Returns: The record that made room.
        mutating func append(_ entry: Entry) -> Entry? {
            if entries.count < limit {
                if entries.count == entries.capacity {
                    entries.reserveCapacity(min(limit, max(16, 2 * entries.count)))
                }
                entries.append(entry)
                return nil
            }
            var removed = entry
            if limit > 0 {
                swap(&entries[oldest], &removed)
                oldest = (oldest + 1) % limit
            }
            removedSeq = removed.seq
            return removed
        }

        var first: Entry? { entries.isEmpty ? nil : entries[oldest] }

        /// The first entry that satisfies a condition which all later ones satisfy as well.
        func first(where isBehind: (Entry) -> Bool) -> Entry? {
            var (low, high) = (0, entries.count)
            while low < high {
                let middle = (low + high) / 2
                if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
            }
            return low < entries.count ? self[low] : nil
        }

        /// The entry behind `index` older ones.
        private subscript(index: Int) -> Entry { entries[(oldest + index) % entries.count] }
    }

    private var predictions: BoundedRecords
    private var events: BoundedRecords
    private var others: BoundedRecords
    private var lastNumber: UInt64 = 0
    private var lastSeq: UInt64 = 0

    init(limits: EventHub.Limits) {
        predictions = BoundedRecords(limit: limits.predictions)
        events = BoundedRecords(limit: limits.events)
        others = BoundedRecords(limit: limits.otherRecords)
    }

    /// Adds a published record.
    ///
    /// - Returns: Its number, and the record that it displaced.
    mutating func append(_ record: LiveRecord) -> (number: UInt64, removed: Entry?) {
        lastNumber += 1
        if case .prediction(let prediction) = record { lastSeq = prediction.seq }
        let entry = Entry(number: lastNumber, seq: lastSeq, record: record)
        let removed =
            switch record {
            case .prediction: predictions.append(entry)
            case .event: events.append(entry)
            default: others.append(entry)
            }
        return (lastNumber, removed)
    }

    /// Where a client that has everything up to a prediction continues, and what it has missed.
    struct Position {
        /// The first record that it receives.
        var number: UInt64
        var missedPredictions: UInt64
        var hasMissedEvents: Bool
        var hasMissedOthers: Bool

        /// At least so many: of events and other records it is known only whether any is missing.
        var lostRecords: UInt64 {
            missedPredictions + (hasMissedEvents ? 1 : 0) + (hasMissedOthers ? 1 : 0)
        }
    }

    /// Whether this run has come as far as prediction `seq`.
    func hasReached(_ seq: UInt64) -> Bool { seq <= lastSeq }

    /// - Parameter seq: The last prediction that the client has; 0 for none.
    func position(after seq: UInt64) -> Position {
        let prediction = predictions.first { $0.seq > seq }
        // The client may have some of the records that follow its last prediction; they are repeated.
        let rest = [events, others].compactMap { $0.first { $0.seq >= seq }?.number }
        let oldest = ([prediction?.number].compactMap { $0 } + rest).min()
        return Position(
            number: oldest ?? lastNumber + 1,
            missedPredictions: (prediction?.seq ?? lastSeq + 1) - 1 - min(seq, lastSeq),
            hasMissedEvents: events.removedSeq.map { $0 >= seq } ?? false,
            hasMissedOthers: others.removedSeq.map { $0 >= seq } ?? false)
    }

    /// The first record from a number on; nil at the end.
    func next(from number: UInt64) -> Entry? {
        [predictions, events, others].compactMap { $0.first { $0.number >= number } }
            .min { $0.number < $1.number }
    }

    /// Whether a record of this kind is still held.
    func holds(_ number: UInt64, _ kind: LiveRecord.Kind) -> Bool {
        let records =
            switch kind {
            case .prediction: predictions
            case .event: events
            default: others
            }
        return records.first.map { $0.number <= number } ?? false
    }
}
