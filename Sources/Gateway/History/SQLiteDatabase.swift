private import CSQLite

/// A value of a row, or of a parameter.
enum SQLiteValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)

    static func optional(_ text: String?) -> SQLiteValue { text.map { .text($0) } ?? .null }
    static func optional(_ number: Int64?) -> SQLiteValue { number.map { .integer($0) } ?? .null }
    static func optional(_ number: Double?) -> SQLiteValue { number.map { .real($0) } ?? .null }
}

/// Why SQLite refused an action.
struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// SQLite's extended result code; 0 for an error that is not SQLite's.
    let code: Int32
    let description: String
}

/// A connection to an SQLite database.
///
/// A statement is prepared once and kept. Times are milliseconds since 1970-01-01 UTC in all tables.
///
/// Threading: one thread at a time.
final class SQLiteDatabase {
    let path: String
    private var handle: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]

    /// Opens a database, and creates it unless it is only read.
    ///
    /// - Parameter waitMilliseconds: How long a lock of another connection is awaited.
    /// - Throws: ``SQLiteError``
    init(path: String, isReadOnly: Bool = false, waitMilliseconds: Int32 = 5000) throws(SQLiteError) {
        self.path = path
        let mode = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let code = sqlite3_open_v2(path, &handle, mode | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK else {
            let failure = failure(code)
            // A handle exists also after a failure.
            sqlite3_close_v2(handle)
            handle = nil
            throw failure
        }
        sqlite3_extended_result_codes(handle, 1)
        // Keeps the log and its index, so that a user without write permission can read the database while
        // no gateway runs.
        var keepsLog: Int32 = 1
        if !isReadOnly { sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keepsLog) }
        sqlite3_busy_timeout(handle, waitMilliseconds)
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// Runs SQL without parameters, also several statements.
    func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    /// Runs a statement.
    ///
    /// - Returns: The number of rows that it changed.
    @discardableResult
    func run(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) -> Int {
        try query(sql, values) { _ in }
        return Int(sqlite3_changes64(handle))
    }

    /// Runs a statement and reads its rows.
    func query(
        _ sql: String, _ values: [SQLiteValue] = [], row: (SQLiteRow) throws -> Void
    ) throws(SQLiteError) {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (position, value) in values.enumerated() {
            let code = bind(value, to: Int32(position + 1), of: statement)
            guard code == SQLITE_OK else { throw failure(code) }
        }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                do { try row(SQLiteRow(statement: statement)) } catch {
                    throw error as? SQLiteError ?? SQLiteError(code: 0, description: "\(error)")
                }
            case SQLITE_DONE: return
            case let code: throw failure(code)
            }
        }
    }

    /// The first column of the first row as a number; nil without a row, or for NULL.
    func number(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteError) -> Int64? {
        var number: Int64?
        try query(sql, values) { row in number = number ?? row.integer(0) }
        return number
    }

    /// Runs `body` in a transaction, which is undone if it throws.
    func transaction<Result>(_ body: () throws(SQLiteError) -> Result) throws(SQLiteError) -> Result {
        try execute("BEGIN IMMEDIATE")
        do throws(SQLiteError) {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // SQLite may have undone it already, as with a full disk.
            if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    private func prepared(_ sql: String) throws(SQLiteError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: SQLiteValue, to position: Int32, of statement: OpaquePointer) -> Int32 {
        switch value {
        case .null: sqlite3_bind_null(statement, position)
        case .integer(let number): sqlite3_bind_int64(statement, position, number)
        case .real(let number): sqlite3_bind_double(statement, position, number)
        case .text(let text):
            // SAFETY: SQLITE_TRANSIENT, which C defines as the pointer -1, makes SQLite copy the bytes.
            sqlite3_bind_text(
                statement, position, text, Int32(text.utf8.count),
                unsafeBitCast(-1, to: sqlite3_destructor_type.self))
        }
    }

    private func failure(_ code: Int32) -> SQLiteError {
        let reason =
            handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        return SQLiteError(code: code, description: "\(path): \(reason)")
    }
}

/// The current row of a query; valid until the next row. Columns count from 0.
struct SQLiteRow {
    fileprivate let statement: OpaquePointer

    func integer(_ column: Int32) -> Int64? {
        isNull(column) ? nil : sqlite3_column_int64(statement, column)
    }

    func real(_ column: Int32) -> Double? {
        isNull(column) ? nil : sqlite3_column_double(statement, column)
    }

    func text(_ column: Int32) -> String? {
        // SAFETY: SQLite's own bytes, which end with a NUL and are copied at once.
        sqlite3_column_text(statement, column).map { String(cString: $0) }
    }

    private func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
}
