internal import Wire

/// The scores per minute, for plots.
extension History {
    private static let condition = """
        daemon = ? AND ifnull(source, '') = ifnull(?, '') AND ifnull(channel, 0) = ifnull(?, 0)
        """

    /// Adds to the minutes; part of the transaction that stores the cursor behind the predictions, so that
    /// each counts once.
    static func write(
        _ changes: MinuteChanges, of daemon: String, to database: SQLiteDatabase
    ) throws(SQLiteError) {
        for sums in changes.sums {
            let key = sums.key
            let stream: [SQLiteValue] = [
                .text(daemon), .optional(key.source), .optional(key.channel.map { Int64($0) }),
                .optional(key.adapter), .optional(key.label),
            ]
            try database.run(
                """
                INSERT INTO series (daemon, source, channel, adapter, label) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """, stream)
            try database.run(
                """
                INSERT INTO minutes (series, begin_ms, windows, sum, peak) VALUES (
                    (SELECT id FROM series WHERE \(condition)
                        AND ifnull(adapter, '') = ifnull(?, '') AND ifnull(label, '') = ifnull(?, '')),
                    ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET windows = windows + excluded.windows, sum = sum + excluded.sum,
                    peak = max(peak, excluded.peak)
                """,
                stream + [
                    .integer(key.begin), .integer(sums.windows), .real(sums.sum), .real(sums.peak),
                ])
        }
        for minute in changes.completed {
            try database.run(
                """
                DELETE FROM minutes WHERE begin_ms = ? AND series IN (
                    SELECT series FROM (
                        SELECT series, row_number() OVER (PARTITION BY adapter ORDER BY peak DESC, label) AS place
                        FROM minutes JOIN series ON series.id = series
                        WHERE begin_ms = ? AND label IS NOT NULL AND \(condition))
                    WHERE place > ?)
                """,
                [
                    .integer(minute.begin), .integer(minute.begin), .text(daemon), .optional(minute.source),
                    .optional(minute.channel.map { Int64($0) }), .integer(Int64(changes.labels)),
                ])
        }
    }

    /// Deletes some of the minutes before a time.
    ///
    /// - Returns: How many rows.
    static func deleteMinutes(
        before time: Int64, limit: Int64, in database: SQLiteDatabase
    ) throws(SQLiteError) -> Int {
        try database.run(
            """
            DELETE FROM minutes WHERE (begin_ms, series) IN (
                SELECT begin_ms, series FROM minutes WHERE begin_ms < ? ORDER BY begin_ms LIMIT ?)
            """, [.integer(time), .integer(limit)])
    }
}
