internal import Logging
internal import SystemSupport
internal import Wire

/// Deletes the oldest part of the history: what is older than `history.days`, and what makes the database
/// larger than `history.megabytes`: minutes that are older than a day, then events.
///
/// Works in steps of a few milliseconds, with a pause after each, in which records are stored: a lock is not
/// given to those who wait for it in turn.
struct Retention: Sendable {
    private static let intervalSeconds = 600
    private static let pauseMilliseconds = 4
    private let days: Int
    private let bytes: Int64
    private let history: History
    private let logger: Logger

    init(_ settings: GatewaySettings.History, history: History, logger: Logger) {
        days = settings.days
        bytes = Int64(settings.megabytes) * 1_000_000
        self.history = history
        self.logger = logger
    }

    /// Returns when the gateway stops.
    func run(until stop: ConditionLocked<Bool>) {
        while true {
            if apply(now: .now, until: stop) { return }
            if stop.wait(milliseconds: Self.intervalSeconds * 1000, for: { $0 ? true : nil }) == true {
                return
            }
        }
    }

    /// - Returns: Whether the gateway stops.
    @discardableResult
    func apply(now: Timestamp, until stop: ConditionLocked<Bool>) -> Bool {
        let oldest = now.milliseconds - Int64(days) * 86_400_000
        var deleted = 0
        var isDone = false
        while !isDone {
            switch history.deleteOldest(
                before: oldest, ifLargerThan: bytes, now: now.milliseconds)
            {
            case .deleted(let count): deleted += count
            case .nothing: isDone = true
            case .failed(let reason):
                logger.warning("old events cannot be deleted now", metadata: ["reason": "\(reason)"])
                isDone = true
            }
            if isStopped(in: stop) { return true }
        }
        if let dropped = try? history.limitOutbox(), dropped > 0 {
            logger.error(
                "the broker was away for too long; dropped the oldest events for it",
                metadata: ["events": "\(dropped)"])
        }
        if deleted > 0 { logger.info("deleted old events", metadata: ["events": "\(deleted)"]) }
        while history.shrink() { if isStopped(in: stop) { return true } }
        return false
    }

    /// Whether the gateway stops, after the pause between two steps.
    private func isStopped(in stop: ConditionLocked<Bool>) -> Bool {
        stop.wait(milliseconds: Self.pauseMilliseconds, for: { $0 ? true : nil }) == true
    }
}

extension History {
    /// A step of ``Retention``.
    enum Deletion { case deleted(Int), nothing, failed(String) }

    private static let stepEvents: Int64 = 500
    private static let stepPages = 64
    /// Minutes of the last day stay as long as there are events to delete.
    private static let youngMilliseconds: Int64 = 86_400_000

    /// Deletes some of the events that ended before a time, or some of the oldest if the database is too
    /// large.
    ///
    /// - Parameters:
    ///   - time: Milliseconds since 1970.
    ///   - bytes: Of pages in use.
    ///   - now: Milliseconds since 1970.
    func deleteOldest(before time: Int64, ifLargerThan bytes: Int64, now: Int64) -> Deletion {
        do throws(SQLiteError) {
            let deleted = try withDatabase { (database) throws(SQLiteError) in
                let pages = try database.number(
                    "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count")
                let size = (pages ?? 0) * (try database.number("PRAGMA page_size") ?? 0)
                let isTooLarge = size > bytes
                return try database.transaction { () throws(SQLiteError) in
                    let step = SQLiteValue.integer(Self.stepEvents)
                    let minutes = try Self.deleteMinutes(
                        before: isTooLarge ? max(time, now - Self.youngMilliseconds) : time,
                        limit: Self.stepEvents, in: database)
                    // They take room that events need.
                    if isTooLarge && minutes > 0 { return minutes }
                    // An event in progress is the newest of its label; it stays.
                    let events = try database.run(
                        """
                        DELETE FROM events WHERE id IN (
                            SELECT id FROM events WHERE (begin_ms < ? OR ?) AND end_ms IS NOT NULL
                            ORDER BY begin_ms LIMIT ?)
                        """, [.integer(time), .integer(isTooLarge ? 1 : 0), step])
                    let first = try database.number("SELECT min(begin_ms) FROM events") ?? .max
                    let gaps = try database.run(
                        """
                        DELETE FROM gaps WHERE id IN (
                            SELECT id FROM gaps WHERE end_ms < ? OR ? AND end_ms < ?
                            ORDER BY begin_ms LIMIT ?)
                        """, [.integer(time), .integer(isTooLarge ? 1 : 0), .integer(first), step])
                    return minutes + events + gaps
                }
            }
            return deleted > 0 ? .deleted(deleted) : .nothing
        } catch {
            return .failed(error.description)
        }
    }

    /// Gives some free pages back to the file system.
    ///
    /// - Returns: Whether there are more.
    func shrink() -> Bool {
        let left = try? withDatabase { (database) throws(SQLiteError) in
            try database.execute("PRAGMA incremental_vacuum(\(Self.stepPages))")
            return try database.number("PRAGMA freelist_count") ?? 0
        }
        return left ?? 0 > 0
    }
}
