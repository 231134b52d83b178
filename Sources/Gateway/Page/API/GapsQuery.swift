internal import TextSupport
internal import Wire

/// Which gaps a request asks for.
struct GapsQuery: Equatable, Sendable {
    /// Gaps that last until after this time.
    var since: Timestamp?
    /// Gaps that begin before this time.
    var until: Timestamp?
    /// Empty: all.
    var daemons: [String]
    var reasons: [String]
    /// Only gaps before this one in the order of time.
    var position: EventPosition?
    /// Only the newest so many.
    var limit: Int

    /// - Throws: ``PageRefusal``
    init(_ target: PageTarget) throws(PageRefusal) {
        let parameters = try PageParameters(
            target, names: ["since", "until", "daemon", "reason", "limit", "before"])
        (since, until) = (try parameters.time("since"), try parameters.time("until"))
        daemons = parameters.texts("daemon")
        reasons = try parameters.words("reason", of: HistoryGap.Reason.texts)
        position = try parameters.position("before")
        limit = try parameters.count("limit", in: 1...5000) ?? 200
    }

    fileprivate var condition: (sql: String, values: [SQLiteValue]) {
        var parts: [String] = []
        var values: [SQLiteValue] = []
        if let since {
            // One that ends where it begins belongs to the time that follows.
            parts.append("(end_ms > ?1 OR begin_ms >= ?1)")
            values.append(.integer(since.milliseconds))
        }
        if let until {
            values.append(.integer(until.milliseconds))
            parts.append("begin_ms < ?\(values.count)")
        }
        if let position {
            values += [.integer(position.begin), .integer(position.row)]
            parts.append("(begin_ms, id) < (?\(values.count - 1), ?\(values.count))")
        }
        for (column, names) in [("daemon", daemons), ("reason", reasons)] where !names.isEmpty {
            let first = values.count + 1
            values += names.map { .text($0) }
            let places = (first...values.count).map { "?\($0)" }
            parts.append("\(column) IN (\(places.joined(separator: ", ")))")
        }
        return (parts.isEmpty ? "" : "WHERE " + parts.joined(separator: " AND "), values)
    }
}

/// A gap of the history.
struct StoredGap: Equatable, Sendable {
    var daemon: String
    /// nil for a single source without a name, and for a gap of the whole daemon.
    var source: String?
    var reason: String
    var begin: Timestamp
    var end: Timestamp
    /// Records that the daemon no longer held; nil for other reasons.
    var records: Int64?
}

extension StoredGap: JSONRecord {
    func writeMembers(to json: inout JSONWriter) {
        json.member("daemon", daemon)
        if let source { json.member("source", source) }
        json.member("reason", reason)
        json.member("begin", begin.description)
        json.member("end", end.description)
        json.member("duration", seconds: Double(end.unixNanos - begin.unixNanos) / 1e9)
        if let records { json.member("records", records) }
    }
}

extension HistoryReader {
    /// The newest gaps of a query, the oldest first, and where those before them end; nil: there are none.
    func gaps(_ query: GapsQuery) throws(SQLiteError) -> ([StoredGap], EventPosition?) {
        let (condition, values) = query.condition
        var gaps: [StoredGap] = []
        var (last, before): (EventPosition?, EventPosition?)
        try database.query(
            """
            SELECT daemon, source, reason, begin_ms, end_ms, records, id FROM gaps \(condition)
            ORDER BY begin_ms DESC, id DESC LIMIT \(query.limit + 1)
            """, values
        ) { row in
            if gaps.count == query.limit { return before = last }
            let begin = row.integer(3) ?? 0
            gaps.append(
                StoredGap(
                    daemon: row.text(0) ?? "", source: row.text(1), reason: row.text(2) ?? "",
                    begin: Timestamp(milliseconds: begin),
                    end: Timestamp(milliseconds: row.integer(4) ?? begin), records: row.integer(5)))
            last = EventPosition(begin: begin, row: row.integer(6) ?? 0)
        }
        return (gaps.reversed(), before)
    }
}
