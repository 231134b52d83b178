internal import Wire

/// The events that wait for the MQTT broker, and the topics whose retained messages it has.
extension History {
    /// Events that wait at most; of more, the oldest are dropped.
    static let maximumOutbox: Int64 = 100_000

    /// - Parameter key: Recognises the event; see ``EventDelivery``.
    static func queue(_ payload: String, key: String, in database: SQLiteDatabase) throws(SQLiteError) {
        try database.run("INSERT INTO outbox (payload, key) VALUES (?, ?)", [.text(payload), .text(key)])
    }

    /// Queues an end for each event in progress that is about to be interrupted.
    static func queueInterruptions(
        of daemon: String, except: Set<String>, at time: Timestamp, in database: SQLiteDatabase
    ) throws(SQLiteError) {
        var items: [(key: String, payload: String)] = []
        try database.query(
            "SELECT event, label, adapter, begin_ms FROM events WHERE daemon = ? AND end_ms IS NULL ORDER BY id",
            [.text(daemon)]
        ) { row in
            guard let id = row.text(0), !except.contains(id), let begin = row.integer(3) else { return }
            let payload = EventPayload.interruption(
                id: id, label: row.text(1) ?? "", adapter: row.text(2), begin: begin,
                end: max(begin, time.milliseconds), daemon: daemon)
            items.append((EventPayload.interruptionKey(of: id, daemon: daemon), payload))
        }
        for item in items { try queue(item.payload, key: item.key, in: database) }
    }

    /// The next events that wait, the oldest first.
    func outbox(after id: Int64, limit: Int) throws(SQLiteError) -> [EventDelivery.Item] {
        try withDatabase { (database) throws(SQLiteError) in
            var rows: [EventDelivery.Item] = []
            try database.query(
                "SELECT id, payload, key FROM outbox WHERE id > ? ORDER BY id LIMIT ?",
                [.integer(id), .integer(Int64(limit))]
            ) { row in
                guard let id = row.integer(0), let payload = row.text(1) else { return }
                // A row of an earlier version has no key, and was queued before everything that has one.
                rows.append(EventDelivery.Item(key: row.text(2) ?? "row \(id)", payload: payload, row: id))
            }
            return rows
        }
    }

    /// How many events wait.
    func outboxCount() throws(SQLiteError) -> Int {
        try withDatabase { (database) throws(SQLiteError) in
            Int(try database.number("SELECT count(*) FROM outbox") ?? 0)
        }
    }

    /// Removes events that the broker has acknowledged.
    func acknowledge(_ ids: Set<Int64>) throws(SQLiteError) {
        try withDatabase { (database) throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                for id in ids { try database.run("DELETE FROM outbox WHERE id = ?", [.integer(id)]) }
            }
        }
    }

    /// Drops the oldest events that wait, if there are too many.
    ///
    /// - Returns: How many were dropped.
    func limitOutbox(to limit: Int64 = History.maximumOutbox) throws(SQLiteError) -> Int {
        try withDatabase { (database) throws(SQLiteError) in
            try database.run(
                "DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ?", [.integer(limit)])
        }
    }

    /// Remembers the topics with retained messages.
    ///
    /// - Returns: Those of earlier settings.
    func replaceTopics(_ topics: Set<String>) throws(SQLiteError) -> [String] {
        try withDatabase { (database) throws(SQLiteError) in
            var stale: [String] = []
            try database.query("SELECT topic FROM topics ORDER BY topic") { row in
                if let topic = row.text(0), !topics.contains(topic) { stale.append(topic) }
            }
            try database.transaction { () throws(SQLiteError) in
                for topic in topics.sorted() {
                    try database.run("INSERT INTO topics VALUES (?) ON CONFLICT DO NOTHING", [.text(topic)])
                }
            }
            return stale
        }
    }

    /// The broker has removed the retained message of a topic.
    func forgetTopic(_ topic: String) throws(SQLiteError) {
        _ = try withDatabase { (database) throws(SQLiteError) in
            try database.run("DELETE FROM topics WHERE topic = ?", [.text(topic)])
        }
    }
}
