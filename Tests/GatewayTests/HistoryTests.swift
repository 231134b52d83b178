import CSQLite
import Logging
import SystemSupport
import TestSupport
import Testing
import Wire

@testable import Gateway

@Suite struct HistoryTests {
    private let folder: TestFolder
    private let log = LogLines()

    init() throws { folder = try TestFolder() }

    private var path: String { folder.file("history.sqlite") }

    private func history(retry: Duration = .zero, maximumPages: Int? = nil) throws -> History {
        try History(path: path, retry: retry, maximumPages: maximumPages, logger: log.logger)
    }

    private func events(_ filter: EventFilter = EventFilter()) throws -> [HistoryEvent] {
        var all: [HistoryEvent] = []
        try HistoryReader(path: path).events(filter) { all.append($0) }
        return all
    }

    private func store(_ changes: [HistoryChange], to history: History, seq: UInt64 = 1) throws
        -> HistoryOutcome
    {
        let cursor = HistoryCursor(run: Fixture.run, seq: seq, time: Fixture.time(Double(seq)))
        let generation = try history.position(of: "kitchen").generation
        return history.store(changes, of: "kitchen", cursor: cursor, generation: generation)
    }

    @Test func `Only one gateway can use a history`() throws {
        let other = GatewayError.history(
            "\(path) is in use by another astd-gateway: stop that one, or give this one another history.path")
        do {
            let lock = try HistoryLock(path)
            #expect(throws: other) { try HistoryLock(path) }
            withExtendedLifetime(lock) {}
        }
        _ = try HistoryLock(path)
        #expect(throws: GatewayError.self) { try HistoryLock(folder.file("missing/history.sqlite")) }
    }

    @Test func `An event is stored once, however often its records arrive`() throws {
        let history = try history()
        let (begin, end) = (Fixture.event(.begin, 1, at: 2), Fixture.event(.end, 1, at: 5, duration: 3))
        #expect(try store([.event(begin)], to: history) == .stored([.event(begin)]))
        #expect(try store([.event(begin), .event(end)], to: history, seq: 5) == .stored([.event(end)]))
        #expect(try store([.event(begin), .event(end)], to: history, seq: 5) == .stored([]))
        let event = try #require(try events().first)
        #expect(try events().count == 1)
        #expect(event.begin == Fixture.time(2) && event.end == Fixture.time(5) && event.duration == 3)
        #expect(event.label == "Siren" && event.daemon == "kitchen" && !event.isInterrupted)
        let cursor = try #require(try history.position(of: "kitchen").cursor)
        #expect(cursor == HistoryCursor(run: Fixture.run, seq: 5, time: Fixture.time(5)))
        #expect(try history.position(of: "street").cursor == nil)
    }

    @Test func `The end of an event whose begin was missed makes the whole event`() throws {
        let history = try history()
        _ = try store([.event(Fixture.event(.end, 7, at: 9, duration: 2.5))], to: history)
        let event = try #require(try events().first)
        #expect(event.begin == Fixture.time(6.5) && event.end == Fixture.time(9))
    }

    @Test func `Events of a dead daemon end where they were last known, until a real end says better`() throws
    {
        let history = try history()
        _ = try store(
            [.event(Fixture.event(.begin, 1, at: 2)), .event(Fixture.event(.begin, 2, at: 3, label: "Dog"))],
            to: history)
        let other = Fixture.run.eventID(2)
        #expect(
            try store([.interrupted(except: [other], at: Fixture.time(4))], to: history)
                == .stored([.interrupted(except: [other], at: Fixture.time(4))]))
        #expect(try events().map(\.isInterrupted) == [true, false])
        #expect(try events().map(\.end) == [Fixture.time(4), nil])
        _ = try store([.event(Fixture.event(.end, 1, at: 6, duration: 4))], to: history)
        #expect(try events().map(\.isInterrupted) == [false, false])
        #expect(try events().first?.duration == 4)
    }

    @Test func `A gap is stored once`() throws {
        let history = try history()
        let samples = Gap(startSample: 16_000, endSample: 32_000, reason: .overrun)
        let gap = HistoryGap(reason: .samples(samples), begin: Fixture.time(1), end: Fixture.time(2))
        #expect(try store([.gap(gap), .gap(gap)], to: history) == .stored([.gap(gap)]))
        let missed = HistoryGap(reason: .missed(3), begin: Fixture.time(1), end: Fixture.time(2))
        #expect(try store([.gap(missed)], to: history) == .stored([.gap(missed)]))
        let database = try SQLiteDatabase(path: path, isReadOnly: true)
        var rows: [String] = []
        try database.query("SELECT reason, start_sample, records FROM gaps ORDER BY id") { row in
            rows.append("\(row.text(0) ?? "") \(row.integer(1) ?? -1) \(row.integer(2) ?? -1)")
        }
        #expect(rows == ["overrun 16000 -1", "missed -1 3"])
    }

    @Test func `A full disk is reported once, and what was missed is requested when there is room`() throws {
        var history = try history()
        _ = try store([.event(Fixture.event(.begin, 1, at: 1))], to: history)
        let pages = try #require(
            try history.withDatabase { (database) throws(SQLiteError) in
                try database.number("PRAGMA page_count")
            })
        history = try self.history(maximumPages: Int(pages))
        let generation = try history.position(of: "kitchen").generation
        // Long labels, so that few events fill the free space of the pages.
        let changes = (2...60).map { number in
            HistoryChange.event(
                Fixture.event(.begin, UInt64(number), at: 2, label: String(repeating: "x", count: 400)))
        }
        for _ in 0..<3 { #expect(try store(changes, to: history, seq: 2) == .suspended) }
        #expect(log.lines.count { $0.contains("cannot be written") } == 1, "\(log.lines)")
        // Nothing of it is stored, and the cursor is where it was.
        #expect(try events().count == 1)
        #expect(try history.position(of: "kitchen").cursor?.seq == 1)
        try history.withDatabase { (database) throws(SQLiteError) in
            try database.execute("PRAGMA max_page_count = 1000000")
        }
        #expect(history.store(changes, of: "kitchen", cursor: nil, generation: generation) == .behind)
        #expect(log.lines.last?.contains("can be written again") == true)
        #expect(try store(changes, to: history, seq: 2) == .stored(changes))
        #expect(try events().count == 60)
    }

    @Test func `Old events are deleted, those in progress are not, and the file shrinks`() throws {
        let history = try history()
        let changes = (1...1500).map { number in
            HistoryChange.event(Fixture.event(.end, UInt64(number), at: Double(number), duration: 0.5))
        }
        _ = try store([.event(Fixture.event(.begin, 9999, at: 1))] + changes, to: history)
        func pages() throws -> Int64 {
            try history.withDatabase { (database) throws(SQLiteError) in
                try database.number("PRAGMA page_count") ?? 0
            }
        }
        let before = try pages()
        var settings = GatewaySettings.History()
        settings.days = 1
        let stop = ConditionLocked(false)
        // The first thousand are older than a day.
        Retention(settings, history: history, logger: log.logger)
            .apply(now: Fixture.time(86_400 + 1000.5), until: stop)
        #expect(try events().count == 501)
        #expect(try events().first?.end == nil)
        #expect(try pages() < before * 3 / 4)
        settings.days = 100
        settings.megabytes = 0
        Retention(settings, history: history, logger: log.logger).apply(now: Fixture.time(2000), until: stop)
        #expect(try events().count == 1)
        let check = try SQLiteDatabase(path: path)
        try check.query("PRAGMA integrity_check") { #expect($0.text(0) == "ok") }
    }

    @Test func `A database of another program or a later version is refused`() throws {
        let database = try SQLiteDatabase(path: path)
        try database.execute("CREATE TABLE songs (title TEXT)")
        #expect(throws: SQLiteError.self) { try history() }
        try database.execute("PRAGMA user_version = 99")
        let error = #expect(throws: SQLiteError.self) { try history() }
        #expect(error?.description.contains("later astd-gateway") == true)
        #expect(throws: HistoryFailure.self) { try HistoryReader(path: path) }
        #expect(throws: HistoryFailure.self) { try HistoryReader(path: folder.file("none")) }
    }

    @Test func `Events are selected by time, label, daemon and score, and counted by day`() throws {
        let history = try history()
        let day = 86_400.0
        _ = try store(
            [
                .event(Fixture.event(.end, 1, at: 10, duration: 2)),
                .event(Fixture.event(.end, 2, at: 20, label: "Dog", duration: 1)),
                .event(Fixture.event(.end, 3, at: day + 30, duration: 4)),
                .event(Fixture.event(.begin, 4, at: day + 40, peak: 0.9)),
            ], to: history)
        func numbers(_ filter: EventFilter) throws -> [Int] {
            try events(filter).map { Int(($0.begin.unixNanos - Fixture.time(0).unixNanos) / 1_000_000_000) }
        }
        let late = Int(day)
        #expect(try numbers(EventFilter()) == [8, 19, late + 26, late + 40])
        #expect(try numbers(EventFilter(since: Fixture.time(8.5))) == [19, late + 26, late + 40])
        #expect(try numbers(EventFilter(until: Fixture.time(8))) == [])
        #expect(try numbers(EventFilter(labels: ["Dog", "Cat"])) == [19])
        #expect(try numbers(EventFilter(daemons: ["street"])) == [])
        #expect(try numbers(EventFilter(minScore: 0.8)) == [late + 40])
        #expect(try numbers(EventFilter(limit: 2)) == [late + 26, late + 40])
        let summary = try HistoryReader(path: path).summary(EventFilter(), hours: 24, offsetSeconds: 0)
        #expect(summary.map(\.label) == ["Dog", "Siren", "Siren"])
        #expect(summary.map(\.count) == [1, 1, 2])
        #expect(summary.map(\.totalSeconds) == [1, 2, 4] && summary.map(\.longestSeconds) == [1, 2, 4])
        #expect(summary.map(\.begin) == [Fixture.time(0), Fixture.time(0), Fixture.time(day)])
        #expect(summary.last?.peakScore == 0.9)
    }

    @Test(arguments: [(24, 0), (1, -12_600), (24, 20_700)])
    func `A summary has the sums of SQLite's own grouping`(hours: Int, offset: Int) throws {
        let history = try history()
        var dice = SeededGenerator(seed: 18)
        let labels = ["Siren", "Dog", "Speech", "Glass"]
        // Also before 1970, where rounding towards zero would make a span twice as long.
        let changes = (1...600).map { number in
            let isOpen = number % 50 == 0
            return HistoryChange.event(
                Fixture.event(
                    isOpen ? .begin : .end, UInt64(number),
                    at: Double.random(in: -3e5...3e5, using: &dice) - (number < 300 ? 1_769_817_600 : 0),
                    label: labels.randomElement(using: &dice) ?? "",
                    duration: isOpen ? 0 : Double.random(in: 0...90, using: &dice),
                    peak: number % 7 == 0 ? .nan : Float.random(in: 0...1, using: &dice), seq: 1))
        }
        _ = try store(changes, to: history)
        let (span, shift) = (Int64(hours) * 3_600_000, Int64(offset) * 1000)
        var expected: [EventSummary] = []
        try SQLiteDatabase(path: path).query(
            """
            SELECT floor((begin_ms + \(shift)) / \(span).0) * \(span) - \(shift), daemon, label, count(*),
                sum(ifnull(end_ms - begin_ms, 0)), max(ifnull(end_ms - begin_ms, 0)), max(peak)
            FROM events GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """
        ) { row in
            expected.append(
                EventSummary(
                    daemon: row.text(1) ?? "", label: row.text(2) ?? "",
                    begin: Timestamp(milliseconds: row.integer(0) ?? 0), count: Int(row.integer(3) ?? 0),
                    totalSeconds: Double(row.integer(4) ?? 0) / 1000,
                    longestSeconds: Double(row.integer(5) ?? 0) / 1000,
                    peakScore: Float(row.real(6) ?? -1)))
        }
        let found = try HistoryReader(path: path).summary(
            EventFilter(), hours: hours, offsetSeconds: offset)
        #expect(expected.count > 20)
        // NaN is not equal to itself.
        #expect(
            found.map { summary in
                var summary = summary
                if summary.peakScore.isNaN { summary.peakScore = -1 }
                return summary
            } == expected)
    }
}

/// Records of a run of a daemon that began at 2026-01-31T00:00:00Z.
enum Fixture {
    static let run = RunID("5f0c9a3be2174c11")
    static let hello = Hello(run: run, model: "ast", adapters: [nil], labels: 8, window: 1, hop: 1)

    static func time(_ seconds: Double) -> Timestamp {
        Timestamp(unixNanos: 1_769_817_600_000_000_000 + Int64(seconds * 1000) * 1_000_000)
    }

    static func event(
        _ state: EventRecord.State, _ number: UInt64, at seconds: Double, label: String = "Siren",
        duration: Double = 0, peak: Float = 0.5, run: RunID = Fixture.run, seq: UInt64? = nil
    ) -> EventRecord {
        let begin = Int64((seconds - duration) * 16_000)
        return EventRecord(
            state: state, id: run.eventID(number), seq: seq ?? UInt64(seconds), label: label,
            unixNanos: time(seconds).unixNanos, startSample: begin, endSample: Int64(seconds * 16_000),
            peakScore: peak, duration: duration)
    }

    static func prediction(_ seq: UInt64, at seconds: Double) -> Prediction {
        Prediction(
            seq: seq, unixNanos: time(seconds).unixNanos, startSample: Int64((seconds - 1) * 16_000),
            endSample: Int64(seconds * 16_000), levelDBFS: -20, latencyMs: 1, adapter: nil,
            labels: [ScoredLabel(index: 0, label: "Siren", score: 0.5)])
    }
}
