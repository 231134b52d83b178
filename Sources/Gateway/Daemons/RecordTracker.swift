internal import Wire

/// Follows the records of one connection to a daemon: which changes of the history they are, and where to
/// continue after them.
///
/// A value without I/O; the times of gaps come from the predictions around them.
struct RecordTracker {
    /// After the records so far.
    private(set) var cursor: HistoryCursor
    /// What is known when the connection begins.
    struct Start {
        var hello: Hello
        /// When the daemon started.
        var daemonBegin: Timestamp
        /// Ids of the events in progress.
        var activeEvents: Set<String> = []
        var resumption: SubscribeReply.Resumption?
        /// Where the history ended; nil: it has nothing of this daemon.
        var cursor: HistoryCursor?
        var now: Timestamp
    }

    /// Predictions that the first `lost` record counts; nil after it.
    private var missedPredictions: UInt64?
    private let start: Start
    /// Newest position of each source, and its time.
    private var positions: [String: (sample: Int64, time: Timestamp)] = [:]

    init(_ start: Start) {
        self.start = start
        missedPredictions = start.resumption?.missedPredictions
        let isSameRun = start.cursor?.run == start.hello.run
        cursor =
            isSameRun
            ? start.cursor ?? HistoryCursor(run: start.hello.run, seq: 0, time: start.daemonBegin)
            : HistoryCursor(run: start.hello.run, seq: 0, time: start.daemonBegin)
    }

    /// What the beginning of the connection itself changes.
    func openingChanges() -> [HistoryChange] {
        guard let last = start.cursor else { return [.run(start.hello, begin: start.daemonBegin)] }
        if last.run == start.hello.run {
            // Ends that are not held any more do not follow; those that are replace these.
            return start.resumption?.hasMissedEvents == true
                ? [.interrupted(except: start.activeEvents, at: last.time)] : []
        }
        var changes: [HistoryChange] = [.interrupted(except: [], at: last.time)]
        if last.time.unixNanos < start.daemonBegin.unixNanos {
            changes.append(.gap(HistoryGap(reason: .stopped, begin: last.time, end: start.daemonBegin)))
        }
        return changes + [.run(start.hello, begin: start.daemonBegin)]
    }

    /// - Parameter now: When the record arrived.
    mutating func change(for record: LiveRecord, now: Timestamp) -> HistoryChange? {
        switch record {
        case .prediction(let prediction):
            advance(to: prediction.seq, prediction.time)
            positions[prediction.source ?? ""] = (prediction.endSample, prediction.time)
        case .event(let event):
            advance(to: event.seq, event.time)
            return .event(event)
        case .gap(let gap):
            return .gap(
                HistoryGap(
                    reason: .samples(gap), begin: time(of: gap.startSample, gap.source, or: now),
                    end: time(of: gap.endSample, gap.source, or: now)))
        case .lost(let lost):
            return loss(of: lost.count, now).map { .gap($0) }
        case .source(let source) where source.state == .ended:
            positions[source.source ?? ""] = nil
        case .hello, .source, .level, .spectrum, .hop, .ongoing, .adapter: break
        }
        return nil
    }

    private mutating func advance(to seq: UInt64, _ time: Timestamp) {
        cursor.seq = max(cursor.seq, seq)
        if time.unixNanos > cursor.time.unixNanos { cursor.time = time }
    }

    private func time(of sample: Int64, _ source: String?, or now: Timestamp) -> Timestamp {
        guard let position = positions[source ?? ""] else { return now }
        let nanos = (sample - position.sample).multipliedReportingOverflow(by: 62_500)  // 16,000 per second
        return nanos.overflow ? now : Timestamp(unixNanos: position.time.unixNanos &+ nanos.partialValue)
    }

    /// A prediction that is not held any more is missed by nobody: it is not part of the history.
    private mutating func loss(of count: UInt64, _ now: Timestamp) -> HistoryGap? {
        guard let predictions = missedPredictions else {
            return HistoryGap(reason: .missed(count), begin: cursor.time, end: now)
        }
        missedPredictions = nil
        // A history that begins misses nothing.
        guard let last = start.cursor, count > predictions else { return nil }
        let begin = last.run == start.hello.run ? last.time : start.daemonBegin
        return HistoryGap(reason: .missed(count - predictions), begin: begin, end: start.now)
    }
}
