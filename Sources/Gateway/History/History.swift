private import Glibc
internal import Logging
internal import Synchronization
private import SystemSupport
internal import Wire

/// How far the records of a daemon are stored.
struct HistoryCursor: Equatable, Sendable {
    var run: RunID
    /// The last prediction before the next record to store.
    var seq: UInt64
    /// Time of the last record.
    var time: Timestamp
}

/// A range of time in which sound or records are missing.
struct HistoryGap: Equatable, Sendable {
    enum Reason: Equatable, Sendable {
        /// Sound that was not classified.
        case samples(Gap)
        /// Records that the daemon no longer held.
        case missed(UInt64)
        /// The daemon did not run.
        case stopped

        var text: String {
            switch self {
            case .samples(let gap): gap.reason.rawValue
            case .missed: "missed"
            case .stopped: "stopped"
            }
        }

        /// Of every reason.
        static let texts = Gap.Reason.allCases.map(\.rawValue) + ["missed", "stopped"]
    }

    var reason: Reason
    var begin: Timestamp
    var end: Timestamp
}

/// One change of the history, in the order in which the daemon sent it.
enum HistoryChange: Equatable, Sendable {
    case event(EventRecord)
    case gap(HistoryGap)
    /// A run begins; `begin` is when the daemon started.
    case run(Hello, begin: Timestamp)
    /// The events in progress end here, except those with these ids: their ends are not known.
    case interrupted(except: Set<String>, at: Timestamp)
}

extension HistoryChange {
    var event: EventRecord? { if case .event(let event) = self { event } else { nil } }

    /// The same for a record that arrives again.
    var key: String { event.map { "\($0.state) \($0.id)" } ?? "" }
}

/// What became of changes.
enum HistoryOutcome: Equatable, Sendable {
    /// Stored, or stored before; the changes that are new.
    case stored([HistoryChange])
    /// The database cannot be written now; the changes are not stored.
    case suspended
    /// The database can be written again, and the changes between are missing: continue from its cursor.
    case behind
}

/// The database of events: one writer for all daemons.
///
/// Changes and the cursor that follows them are one transaction, so that a record is stored exactly once,
/// whenever this process is killed. When the database cannot be written (the disk is full), that is logged
/// once; writing is tried again every ``retrySeconds``, and then each daemon's records are requested again
/// from the cursor.
///
/// Threading: any thread; a call blocks while the disk does.
final class History: Sendable {
    private let state: ConditionLocked<State>
    private let isSuspended = Atomic<Bool>(false)
    private let logger: Logger
    private let retry: Duration

    private struct State {
        let database: SQLiteDatabase
        /// When writing is tried again; nil: it works.
        var retryAt: ContinuousClock.Instant?
        /// Counts the returns from a suspension.
        var generation = 0
        /// Whether new events are kept for the MQTT broker.
        let keepsOutbox: Bool
    }

    /// Opens or creates the database.
    ///
    /// - Throws: ``SQLiteError``
    init(
        path: String, keepsOutbox: Bool = false, retry: Duration = .seconds(5), maximumPages: Int? = nil,
        logger: Logger
    ) throws(SQLiteError) {
        let database = try SQLiteDatabase(path: path)
        if let maximumPages { try database.execute("PRAGMA max_page_count = \(maximumPages)") }
        try HistorySchema.prepare(database)
        state = ConditionLocked(State(database: database, keepsOutbox: keepsOutbox))
        self.logger = logger
        self.retry = retry
    }

    /// Where to continue with a daemon (nil: from its begin), and the generation for
    /// ``store(_:of:cursor:generation:)``.
    func position(of daemon: String) throws(SQLiteError) -> (cursor: HistoryCursor?, generation: Int) {
        try withState { (state) throws(SQLiteError) in
            var cursor: HistoryCursor?
            try state.database.query(
                "SELECT run, seq, time_ms FROM cursors WHERE daemon = ?", [.text(daemon)]
            ) {
                guard let run = $0.text(0), let seq = $0.integer(1), let time = $0.integer(2) else { return }
                cursor = HistoryCursor(
                    run: RunID(run), seq: UInt64(seq), time: Timestamp(milliseconds: time))
            }
            return (cursor, state.generation)
        }
    }

    /// Stores changes, and how far the daemon's records are stored after them.
    ///
    /// - Parameters:
    ///   - cursor: nil: unchanged.
    ///   - generation: As ``position(of:)`` returned it.
    ///   - minutes: What the predictions up to the cursor add.
    func store(
        _ changes: [HistoryChange], of daemon: String, cursor: HistoryCursor?, generation: Int,
        minutes: MinuteChanges = MinuteChanges()
    ) -> HistoryOutcome {
        state.change { state in
            if let retryAt = state.retryAt {
                guard ContinuousClock.now >= retryAt else { return .suspended }
                guard probe(&state) else { return .suspended }
            }
            guard generation == state.generation else { return .behind }
            do throws(SQLiteError) {
                let (database, keepsOutbox) = (state.database, state.keepsOutbox)
                let new = try database.transaction { () throws(SQLiteError) in
                    var new: [HistoryChange] = []
                    for change in changes {
                        // Before the events are marked as ended.
                        if keepsOutbox, case .interrupted(let exceptions, let time) = change {
                            try Self.queueInterruptions(
                                of: daemon, except: exceptions, at: time, in: database)
                        }
                        if try Self.write(change, of: daemon, run: cursor?.run, to: database) {
                            new.append(change)
                            if keepsOutbox, let event = change.event {
                                try Self.queue(
                                    EventPayload.text(of: event, daemon: daemon),
                                    key: EventPayload.key(of: event, daemon: daemon), in: database)
                            }
                        }
                    }
                    try Self.write(minutes, of: daemon, to: database)
                    if let cursor { try Self.write(cursor, of: daemon, to: database) }
                    return new
                }
                return .stored(new)
            } catch {
                logger.error(
                    "the history cannot be written; trying again until it can",
                    metadata: ["reason": "\(error)"])
                state.retryAt = .now + retry
                isSuspended.store(true, ordering: .relaxed)
                return .suspended
            }
        }
    }

    /// Whether changes are stored: not while the disk is full. Does not wait for the disk.
    var canStore: Bool { !isSuspended.load(ordering: .relaxed) }

    /// Tries to write after a failure.
    private func probe(_ state: inout State) -> Bool {
        do throws(SQLiteError) {
            let database = state.database
            try database.transaction { () throws(SQLiteError) in
                // Needs as much room as some events, and leaves nothing.
                try database.execute(
                    "CREATE TABLE probe (bytes BLOB); INSERT INTO probe VALUES (zeroblob(65536))")
                try database.execute("DROP TABLE probe")
            }
        } catch {
            state.retryAt = .now + retry
            return false
        }
        state.retryAt = nil
        isSuspended.store(false, ordering: .relaxed)
        state.generation += 1
        logger.notice("the history can be written again; requesting what was missed")
        return true
    }

    /// - Returns: Whether it is new.
    private static func write(
        _ change: HistoryChange, of daemon: String, run: RunID?, to database: SQLiteDatabase
    ) throws(SQLiteError) -> Bool {
        switch change {
        case .event(let event): try write(event, of: daemon, to: database)
        case .gap(let gap): try write(gap, of: daemon, run: run, to: database)
        case .run(let hello, let begin):
            try database.run(
                """
                INSERT INTO runs (daemon, run, begin_ms, version, model) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """,
                [
                    .text(daemon), .text(hello.run.text), .integer(begin.milliseconds), .text(hello.version),
                    .text(hello.model),
                ]) > 0
        case .interrupted(let exceptions, let time):
            try interrupt(daemon, except: exceptions, at: time, in: database)
        }
    }

    private static func write(
        _ event: EventRecord, of daemon: String, to database: SQLiteDatabase
    ) throws(SQLiteError) -> Bool {
        let time = event.time.milliseconds
        let peak = SQLiteValue.optional(event.peakScore.isFinite ? Double(event.peakScore) : nil)
        if event.state == .end {
            // The end of an event whose daemon seemed to be dead replaces the supposed one.
            let changed = try database.run(
                """
                UPDATE events SET end_ms = ?, end_sample = ?, peak = ?, interrupted = 0
                WHERE daemon = ? AND event = ? AND (end_ms IS NULL OR interrupted)
                """,
                [.integer(time), .integer(event.endSample), peak, .text(daemon), .text(event.id)])
            if changed > 0 { return true }
        }
        let isEnd = event.state == .end
        let begin = isEnd ? time - Int64((event.duration * 1000).rounded()) : time
        // The part before the hyphen of an event's id is its run.
        let run = event.id.prefix { $0 != "-" }
        return try database.run(
            """
            INSERT INTO events
            (daemon, event, run, source, label, adapter, begin_ms, end_ms, start_sample, end_sample, peak)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """,
            [
                .text(daemon), .text(event.id), .text(String(run)), .optional(event.source),
                .text(event.label),
                .optional(event.adapter), .integer(begin), isEnd ? .integer(time) : .null,
                .integer(event.startSample), isEnd ? .integer(event.endSample) : .null, peak,
            ]) > 0
    }

    private static func write(
        _ gap: HistoryGap, of daemon: String, run: RunID?, to database: SQLiteDatabase
    ) throws(SQLiteError) -> Bool {
        var source: String?
        var (start, end): (Int64?, Int64?)
        var records: Int64?
        switch gap.reason {
        case .samples(let gap): (source, start, end) = (gap.source, gap.startSample, gap.endSample)
        case .missed(let count): records = Int64(clamping: count)
        case .stopped: break
        }
        return try database.run(
            """
            INSERT INTO gaps (daemon, run, source, reason, begin_ms, end_ms, start_sample, end_sample, records)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """,
            [
                .text(daemon), .text(run?.text ?? ""), .optional(source), .text(gap.reason.text),
                .integer(gap.begin.milliseconds), .integer(gap.end.milliseconds), .optional(start),
                .optional(end), .optional(records),
            ]) > 0
    }

    /// Ends the events in progress at the last time at which they are known to have lasted.
    private static func interrupt(
        _ daemon: String, except: Set<String>, at time: Timestamp, in database: SQLiteDatabase
    ) throws(SQLiteError) -> Bool {
        var open: [String] = []
        try database.query("SELECT event FROM events WHERE daemon = ? AND end_ms IS NULL", [.text(daemon)]) {
            if let event = $0.text(0), !except.contains(event) { open.append(event) }
        }
        for event in open {
            try database.run(
                "UPDATE events SET end_ms = max(begin_ms, ?), interrupted = 1 WHERE daemon = ? AND event = ?",
                [.integer(time.milliseconds), .text(daemon), .text(event)])
        }
        return !open.isEmpty
    }

    private static func write(
        _ cursor: HistoryCursor, of daemon: String, to database: SQLiteDatabase
    ) throws(SQLiteError) {
        try database.run(
            "INSERT INTO cursors VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
                + "SET run = excluded.run, seq = excluded.seq, time_ms = excluded.time_ms",
            [
                .text(daemon), .text(cursor.run.text), .integer(Int64(clamping: cursor.seq)),
                .integer(cursor.time.milliseconds),
            ])
    }

    /// Runs the body with the database, which nothing else uses meanwhile.
    func withDatabase<Result>(
        _ body: (SQLiteDatabase) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try withState { (state) throws(SQLiteError) in try body(state.database) }
    }

    private func withState<Result>(
        _ body: (inout State) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        let outcome: Swift.Result<Result, SQLiteError> = state.change { state in
            do throws(SQLiteError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
