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
    /// Only events with a review, or only those without one; nil: all.
    public var isReviewed: Bool?
    /// Only events with one of these reviews, as ``EventReview/text``; empty: all.
    var reviews: [String] = []
    /// Only events before this one in the order of time.
    var position: EventPosition?
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

    var condition: (sql: String, values: [SQLiteValue]) {
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
        if let position {
            parts.append("(begin_ms, id) < (?, ?)")
            values += [.integer(position.begin), .integer(position.row)]
        }
        for (column, names) in [("label", labels), ("daemon", daemons), ("review", reviews)]
        where !names.isEmpty {
            parts.append("\(column) IN (\(names.map { _ in "?" }.joined(separator: ", ")))")
            values += names.map { .text($0) }
        }
        if let minScore {
            parts.append("peak >= ?")
            values.append(.real(Double(minScore)))
        }
        if let isReviewed { parts.append("review IS \(isReviewed ? "NOT " : "")NULL") }
        return (parts.isEmpty ? "" : "WHERE " + parts.joined(separator: " AND "), values)
    }
}

/// A place in the order of events, or of gaps: between two of them.
struct EventPosition: Equatable, Sendable {
    /// Milliseconds since 1970, and the row of the one that follows.
    var begin: Int64
    var row: Int64
}

/// Reads a history, also while a gateway writes it.
///
/// Threading: one thread at a time.
public final class HistoryReader {
    let database: SQLiteDatabase

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
            let version = try HistorySchema.version(of: database)
            guard version > 0 else {
                throw SQLiteError(code: 0, description: "\(path) is empty: run `astd-gateway run` first")
            }
            guard version == HistorySchema.version else {
                throw SQLiteError(
                    code: 0,
                    description:
                        "\(path) was written by an earlier astd-gateway: restart `astd-gateway run`, "
                        + "which updates it")
            }
        } catch {
            throw HistoryFailure(description: error.description)
        }
    }

    /// Calls `body` with each event, the oldest first.
    public func events(_ filter: EventFilter, _ body: (HistoryEvent) throws -> Void) throws {
        let (condition, values) = filter.condition
        let columns = HistoryEvent.columns
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
}

extension HistoryEvent {
    /// Those that ``init(_:)`` reads; the last is the row's own id.
    static let columns =
        "daemon, source, label, adapter, begin_ms, end_ms, peak, clip, review, interrupted, event, "
        + "review_label, id"

    init(_ row: SQLiteRow) {
        self.init(
            daemon: row.text(0) ?? "", source: row.text(1), id: row.text(10) ?? "", label: row.text(2) ?? "",
            adapter: row.text(3),
            begin: Timestamp(milliseconds: row.integer(4) ?? 0),
            end: row.integer(5).map { Timestamp(milliseconds: $0) },
            peakScore: row.real(6).map { Float($0) } ?? .nan, clip: row.text(7),
            review: EventReview(row.text(8), label: row.text(11)),
            isInterrupted: row.integer(9) ?? 0 != 0)
    }
}
