internal import TextSupport

/// What a person says about an event.
public enum EventReview: Equatable, Sendable {
    case right
    case wrong
    /// The sound was of this label.
    case other(String)

    /// In the database and in records.
    public var text: String {
        switch self {
        case .right: "right"
        case .wrong: "wrong"
        case .other: "other"
        }
    }

    public var label: String? { if case .other(let label) = self { label } else { nil } }

    init?(_ text: String?, label: String?) {
        switch (text, label) {
        case ("right", _): self = .right
        case ("wrong", _): self = .wrong
        case ("other", let label?): self = .other(label)
        default: return nil
        }
    }

    /// Longest label in bytes.
    public static let maximumLabelBytes = 1000
}

/// A request to a running gateway: one line of JSON.
struct ReviewRequest: Equatable, JSONRecord {
    var ids: [String]
    /// Only events of this daemon.
    var daemon: String?
    /// nil: removes the review.
    var review: EventReview?

    static let maximumIDs = 500

    init(ids: [String], daemon: String?, review: EventReview?) {
        (self.ids, self.daemon, self.review) = (ids, daemon, review)
    }

    /// - Throws: `JSONError`
    init(_ json: JSONObject) throws(JSONError) {
        ids = try json.strings("ids") ?? []
        daemon = try json.string("daemon")
        let (text, label) = (try json.string("review"), try json.string("label"))
        review = EventReview(text, label: label)
        guard !ids.isEmpty, ids.count <= Self.maximumIDs else {
            throw .wrongType(field: "ids", expected: "1 to \(Self.maximumIDs) ids of events")
        }
        guard label == nil || text == "other" else {
            throw .wrongType(field: "label", expected: "no such member, unless the review is other")
        }
        guard review != nil || text == nil else {
            throw .wrongType(field: "review", expected: "right, wrong, other with a label, or null")
        }
        let bytes = label?.utf8.count ?? 1
        guard (1...EventReview.maximumLabelBytes).contains(bytes) else {
            throw .wrongType(field: "label", expected: "1 to \(EventReview.maximumLabelBytes) bytes")
        }
    }

    func writeMembers(to json: inout JSONWriter) {
        json.member("ids", strings: ids)
        json.member("daemon", daemon)
        json.member("review", review?.text)
        json.member("label", review?.label)
    }
}

/// What became of a request.
public struct ReviewOutcome: Equatable, Sendable {
    /// Events that have the review now.
    public var reviewed = 0
    /// Ids that the history does not have.
    public var missing: [String] = []
    /// Ids of events of several daemons.
    public var ambiguous: [String] = []

    public init() {}

    public mutating func add(_ other: ReviewOutcome) {
        reviewed += other.reviewed
        missing += other.missing
        ambiguous += other.ambiguous
    }
}

extension ReviewOutcome {
    func writeMembers(to json: inout JSONWriter) {
        json.member("reviewed", reviewed)
        json.member("missing", strings: missing)
        json.member("ambiguous", strings: ambiguous)
    }

    /// - Throws: `JSONError`
    init(_ json: JSONObject) throws(JSONError) {
        reviewed = try json.requiredInteger("reviewed", as: Int.self)
        missing = try json.strings("missing") ?? []
        ambiguous = try json.strings("ambiguous") ?? []
    }
}

extension History {
    /// Stores what a person says about events; all of a request or none.
    func review(_ request: ReviewRequest) throws(SQLiteError) -> ReviewOutcome {
        try withDatabase { (database) throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                var outcome = ReviewOutcome()
                for id in request.ids {
                    // Every daemon of the history has a cursor; the events are found by daemon and id.
                    var rows: [Int64] = []
                    try database.query(
                        """
                        SELECT id FROM events
                        WHERE daemon IN (SELECT daemon FROM cursors WHERE ?1 IS NULL OR daemon = ?1) AND event = ?2
                        """, [.optional(request.daemon), .text(id)]
                    ) { if let row = $0.integer(0) { rows.append(row) } }
                    guard let row = rows.first else {
                        outcome.missing.append(id)
                        continue
                    }
                    guard rows.count == 1 else {
                        outcome.ambiguous.append(id)
                        continue
                    }
                    outcome.reviewed += try database.run(
                        "UPDATE events SET review = ?, review_label = ? WHERE id = ?",
                        [.optional(request.review?.text), .optional(request.review?.label), .integer(row)])
                }
                return outcome
            }
        }
    }
}
