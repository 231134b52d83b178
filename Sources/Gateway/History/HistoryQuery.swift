private import Glibc
private import SystemSupport
public import Wire

/// Why the history cannot be read.
public struct HistoryFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
}

/// Which events a query returns.
public struct EventFilter: Equatable, Sendable {
    /// Events that begin at this time or later.
    public var since: Timestamp?
    /// Events that begin before this time.
    public var until: Timestamp?
    /// Spelled as in the model; empty: all.
    public var labels: [String]
    /// Names of daemons; empty: all.
    public var daemons: [String]
    /// Lowest peak score.
    public var minScore: Float?
    /// Only the newest so many.
    public var limit: Int?

    public init(
        since: Timestamp? = nil, until: Timestamp? = nil, labels: [String] = [], daemons: [String] = [],
        minScore: Float? = nil, limit: Int? = nil
    ) {
        self.since = since
        self.until = until
        self.labels = labels
        self.daemons = daemons
        self.minScore = minScore
        self.limit = limit
    }

    fileprivate var condition: (sql: String, values: [SQLiteValue]) {
        var parts: [String] = []
        var values: [SQLiteValue] = []
        if let since {
            parts.append("begin_ms >= ?")
            values.append(.integer(since.milliseconds))
        }
        if let until {
            parts.append("begin_ms < ?")
            values.append(.integer(until.milliseconds))
        }
        for (column, names) in [("label", labels), ("daemon", daemons)] where !names.isEmpty {
            parts.append("\(column) IN (\(names.map { _ in "?" }.joined(separator: ", ")))")
            values += names.map { .text($0) }
        }
        if let minScore {
            parts.append("peak >= ?")
            values.append(.real(Double(minScore)))
        }
        return (parts.isEmpty ? "" : "WHERE " + parts.joined(separator: " AND "), values)
    }
}

/// The events of one label in a span of time.
public struct EventSummary: Equatable, Sendable {
    public var daemon: String
    public var label: String
    /// Begin of the day or hour.
    public var begin: Timestamp
    public var count: Int
    /// Sum and maximum of the durations in seconds; an event in progress counts with 0.
    public var totalSeconds: Double
    public var longestSeconds: Double
    /// Highest score.
    public var peakScore: Float
}

/// Reads a history, also while a gateway writes it.
///
/// Threading: one thread at a time.
public final class HistoryReader {
    private let database: SQLiteDatabase

    /// Opens a database.
    ///
    /// - Throws: ``HistoryFailure`` if there is none, or it cannot be read.
    public init(path: String) throws(HistoryFailure) {
        guard StandardPaths.fileExists(path) else {
            throw HistoryFailure(
                description: errno == ENOENT
                    ? "the history \(path) does not exist: run `astd-gateway run` with these settings first"
                    : "\(path): \(String(cString: strerror(errno)))")
        }
        do throws(SQLiteError) {
            database = try SQLiteDatabase(path: path, isReadOnly: true)
            guard try HistorySchema.version(of: database) > 0 else {
                throw SQLiteError(code: 0, description: "\(path) is empty: run `astd-gateway run` first")
            }
        } catch {
            throw HistoryFailure(description: error.description)
        }
    }

    /// Calls `body` with each event, the oldest first.
    public func events(_ filter: EventFilter, _ body: (HistoryEvent) throws -> Void) throws {
        let (condition, values) = filter.condition
        let columns =
            "daemon, source, label, adapter, begin_ms, end_ms, peak, clip, review, interrupted, id"
        var sql = "SELECT \(columns) FROM events \(condition) ORDER BY begin_ms, id"
        if let limit = filter.limit {
            sql = """
                SELECT * FROM (SELECT \(columns) FROM events \(condition)
                ORDER BY begin_ms DESC, id DESC LIMIT \(limit)) ORDER BY begin_ms, id
                """
        }
        // What `body` throws is not an error of the database.
        var failure: (any Error)?
        do throws(SQLiteError) {
            try database.query(sql, values) { row in
                do { try body(HistoryEvent(row)) } catch {
                    failure = error
                    throw error
                }
            }
        } catch {
            throw failure ?? HistoryFailure(description: error.description)
        }
    }

    /// The events per daemon, label and span of time, in this order of time, daemon and label.
    ///
    /// - Parameters:
    ///   - hours: Length of a span: 1, or 24 for days.
    ///   - offsetSeconds: East of UTC: where days begin.
    public func summary(
        _ filter: EventFilter, hours: Int, offsetSeconds: Int
    ) throws(HistoryFailure) -> [EventSummary] {
        let (condition, values) = filter.condition
        let (span, offset) = (Int64(hours) * 3_600_000, Int64(offsetSeconds) * 1000)
        var all: [EventSummary] = []
        do throws(SQLiteError) {
            try database.query(
                """
                SELECT (begin_ms + ?) / ? * ? - ?, daemon, label, count(*),
                    sum(ifnull(end_ms - begin_ms, 0)), max(ifnull(end_ms - begin_ms, 0)), max(peak)
                FROM events \(condition) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
                """,
                [.integer(offset), .integer(span), .integer(span), .integer(offset)] + values
            ) { row in
                all.append(
                    EventSummary(
                        daemon: row.text(1) ?? "", label: row.text(2) ?? "",
                        begin: Timestamp(milliseconds: row.integer(0) ?? 0), count: Int(row.integer(3) ?? 0),
                        totalSeconds: Double(row.integer(4) ?? 0) / 1000,
                        longestSeconds: Double(row.integer(5) ?? 0) / 1000,
                        peakScore: row.real(6).map { Float($0) } ?? .nan))
            }
        } catch {
            throw HistoryFailure(description: error.description)
        }
        return all
    }
}

extension HistoryEvent {
    fileprivate init(_ row: SQLiteRow) {
        self.init(
            daemon: row.text(0) ?? "", source: row.text(1), label: row.text(2) ?? "", adapter: row.text(3),
            begin: Timestamp(milliseconds: row.integer(4) ?? 0),
            end: row.integer(5).map { Timestamp(milliseconds: $0) },
            peakScore: row.real(6).map { Float($0) } ?? .nan, clip: row.text(7), review: row.text(8),
            isInterrupted: row.integer(9) ?? 0 != 0)
    }
}
