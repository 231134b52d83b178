/// The tables of the history, and how an older database becomes a current one.
///
/// | table | a row is |
/// |---|---|
/// | `events` | a sound, from its begin to its end |
/// | `gaps` | sound that was not classified, records that were missed, or a time without the daemon |
/// | `runs` | a run of a daemon |
/// | `cursors` | how far the records of a daemon are stored |
/// | `outbox` | an event that the MQTT broker has not acknowledged |
/// | `minutes`, `series` | the scores of a label in a minute; or the level, without a label |
/// | `topics` | a topic with a retained message of this gateway |
/// | `notifications` | the last notification of a rule about a label |
///
/// Times are milliseconds since 1970-01-01 UTC. `begin_ms` and `end_ms` of events are the daemon's own times;
/// positions in samples belong to the run.
enum HistorySchema {
    /// The SQL of each version; version N of a database has run the first N. Only append.
    private static let migrations = [
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            daemon TEXT NOT NULL,
            event TEXT NOT NULL,
            run TEXT NOT NULL,
            source TEXT,
            label TEXT NOT NULL,
            adapter TEXT,
            begin_ms INTEGER NOT NULL,
            end_ms INTEGER,
            start_sample INTEGER NOT NULL,
            end_sample INTEGER,
            peak REAL,
            clip TEXT,
            review TEXT,
            interrupted INTEGER NOT NULL DEFAULT 0,
            UNIQUE (daemon, event)
        ) STRICT;
        CREATE INDEX events_by_begin ON events (begin_ms);
        CREATE INDEX events_by_label ON events (label, begin_ms);
        CREATE INDEX events_open ON events (daemon) WHERE end_ms IS NULL;
        CREATE TABLE gaps (
            id INTEGER PRIMARY KEY,
            daemon TEXT NOT NULL,
            run TEXT NOT NULL,
            source TEXT,
            reason TEXT NOT NULL,
            begin_ms INTEGER NOT NULL,
            end_ms INTEGER NOT NULL,
            start_sample INTEGER,
            end_sample INTEGER,
            records INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX gaps_of_samples ON gaps (daemon, run, ifnull(source, ''), start_sample)
            WHERE start_sample IS NOT NULL;
        CREATE INDEX gaps_by_begin ON gaps (begin_ms);
        CREATE TABLE runs (
            daemon TEXT NOT NULL,
            run TEXT NOT NULL,
            begin_ms INTEGER NOT NULL,
            version TEXT NOT NULL,
            model TEXT NOT NULL,
            PRIMARY KEY (daemon, run)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE cursors (
            daemon TEXT PRIMARY KEY,
            run TEXT NOT NULL,
            seq INTEGER NOT NULL,
            time_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """,
        """
        CREATE TABLE outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            payload TEXT NOT NULL
        ) STRICT;
        CREATE TABLE topics (topic TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        """,
        """
        CREATE TABLE notifications (
            rule TEXT NOT NULL,
            label TEXT NOT NULL,
            time_ms INTEGER NOT NULL,
            event TEXT NOT NULL,
            PRIMARY KEY (rule, label)
        ) STRICT, WITHOUT ROWID;
        """,
        """
        ALTER TABLE outbox ADD COLUMN key TEXT;
        """,
        """
        CREATE TABLE series (
            id INTEGER PRIMARY KEY,
            daemon TEXT NOT NULL,
            source TEXT,
            channel INTEGER,
            adapter TEXT,
            label TEXT
        ) STRICT;
        CREATE UNIQUE INDEX series_by_name
            ON series (daemon, ifnull(source, ''), ifnull(channel, 0), ifnull(adapter, ''), ifnull(label, ''));
        CREATE TABLE minutes (
            begin_ms INTEGER NOT NULL,
            series INTEGER NOT NULL,
            windows INTEGER NOT NULL,
            sum REAL NOT NULL,
            peak REAL NOT NULL,
            PRIMARY KEY (begin_ms, series)
        ) STRICT, WITHOUT ROWID;
        CREATE VIEW minute_scores AS
            SELECT begin_ms, daemon, source, channel, adapter, label, windows, sum / windows AS mean, peak
            FROM minutes JOIN series ON series.id = minutes.series;
        """,
        """
        ALTER TABLE events ADD COLUMN review_label TEXT;
        CREATE INDEX events_reviewed ON events (begin_ms) WHERE review IS NOT NULL;
        """,
    ]

    static var version: Int { migrations.count }

    /// Creates or updates the tables.
    ///
    /// - Throws: ``SQLiteError``, also for a database of another program or a later version.
    static func prepare(_ database: SQLiteDatabase) throws(SQLiteError) {
        // Before the first table: a page that becomes free can then be given back in small steps.
        try database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        // The log is written to the disk before a checkpoint: a power failure can lose the last transactions,
        // and with them the cursor, so that the daemon sends their records again.
        try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        try database.execute("PRAGMA journal_size_limit = 4194304")
        let found = try version(of: database)
        guard found < version else { return }
        try database.transaction { () throws(SQLiteError) in
            for migration in migrations[found...] { try database.execute(migration) }
            try database.execute("PRAGMA user_version = \(version)")
        }
    }

    /// The version of a database; 0: it has no tables.
    ///
    /// - Throws: ``SQLiteError``, also for a database of another program or a later version.
    @discardableResult
    static func version(of database: SQLiteDatabase) throws(SQLiteError) -> Int {
        let found = Int(try database.number("PRAGMA user_version") ?? 0)
        let tables = try database.number("SELECT count(*) FROM sqlite_schema") ?? 0
        if found == 0 && tables > 0 {
            throw SQLiteError(
                code: 0, description: "\(database.path) is another program's database; name another file")
        }
        if found > version {
            throw SQLiteError(
                code: 0,
                description:
                    "\(database.path) was written by a later astd-gateway (schema \(found), this one "
                    + "reads \(version)); use that version, or name another file")
        }
        return found
    }
}
