import SystemSupport
import TestSupport
import Testing
import Wire

@testable import Gateway

@Suite struct MinuteTests {
    private let folder: TestFolder
    private let log = LogLines()

    init() throws { folder = try TestFolder() }

    private func prediction(
        _ seq: UInt64, at seconds: Double, _ scores: KeyValuePairs<String, Float>, source: String? = nil,
        level: Double? = -20
    ) -> Prediction {
        Prediction(
            source: source, seq: seq, unixNanos: Fixture.time(seconds).unixNanos, startSample: 0,
            endSample: 1,
            levelDBFS: level, latencyMs: 1, adapter: nil,
            labels: scores.map { ScoredLabel(index: 0, label: $0.key, score: $0.value) })
    }

    private func history() throws -> History {
        try History(path: folder.file("history.sqlite"), retry: .zero, logger: log.logger)
    }

    private func store(_ minutes: MinuteChanges, to history: History, of daemon: String = "kitchen") throws {
        let generation = try history.position(of: daemon).generation
        #expect(
            history.store([], of: daemon, cursor: nil, generation: generation, minutes: minutes)
                == .stored([]))
    }

    /// `MINUTE DAEMON/SOURCE LABEL WINDOWS MEAN PEAK` of each row, as another program reads them.
    private func rows() throws -> [String] {
        var rows: [String] = []
        let database = try SQLiteDatabase(path: folder.file("history.sqlite"), isReadOnly: true)
        try database.query(
            """
            SELECT printf('%d %s/%s %s %d %.2f %.2f', (begin_ms - \(Fixture.time(0).milliseconds)) / 60000, daemon,
                ifnull(source, ''), ifnull(label, 'level'), windows, mean, peak)
            FROM minute_scores ORDER BY begin_ms, daemon, source, label
            """
        ) { rows.append($0.text(0) ?? "") }
        return rows
    }

    @Test func `Windows add up to minutes, each once, also over connections`() throws {
        let history = try history()
        var tracker = MinuteTracker(labels: 2, after: 0, last: nil)
        tracker.add(prediction(1, at: 10, ["Siren": 0.5, "Dog": 0.25, "Cat": 0.125]))
        tracker.add(prediction(1, at: 10, ["Siren": 0.5]))
        tracker.add(prediction(2, at: 11, ["Siren": 1], level: nil))
        try store(tracker.take(), to: history)
        #expect(tracker.take().isEmpty)
        try store(tracker.take(), to: history)
        // The next connection repeats what was not stored, and only that counts.
        tracker = MinuteTracker(labels: 2, after: 2, last: Fixture.time(11))
        tracker.add(prediction(2, at: 11, ["Siren": 1]))
        tracker.add(prediction(3, at: 12, ["Dog": 0.75, "Siren": 0.6, "Cat": 0.5]))
        tracker.add(prediction(4, at: 12, [:], source: "yard"))
        try store(tracker.take(), to: history)
        #expect(
            try rows() == [
                "0 kitchen/ level 3 -53.33 -20.00", "0 kitchen/ Dog 2 0.50 0.75",
                "0 kitchen/ Siren 3 0.70 1.00", "0 kitchen/yard level 1 -20.00 -20.00",
            ])
    }

    @Test func `Only the highest labels of a minute stay when it is over, also after a restart`() throws {
        let history = try history()
        var tracker = MinuteTracker(labels: 2, after: 0, last: nil)
        tracker.add(prediction(1, at: 1, ["Siren": 0.5, "Dog": 0.25]))
        tracker.add(prediction(2, at: 2, ["Cat": 0.75, "Owl": 0.375]))
        tracker.add(prediction(3, at: 2, ["Cat": 0.25, "Owl": 0.1], source: "yard"))
        try store(tracker.take(), to: history)
        try store(tracker.take(), to: history, of: "street")
        #expect(try rows().count == 8)
        // The gateway is killed; the first window after it is in the next minute.
        tracker = MinuteTracker(labels: 2, after: 3, last: Fixture.time(2))
        tracker.add(prediction(4, at: 61, ["Siren": 0.5, "Dog": 0.25]))
        try store(tracker.take(), to: history)
        let first = [
            "0 kitchen/ level 2 -20.00 -20.00", "0 kitchen/ Cat 1 0.75 0.75", "0 kitchen/ Siren 1 0.50 0.50",
            "0 kitchen/yard level 1 -20.00 -20.00", "0 kitchen/yard Cat 1 0.25 0.25",
            "0 kitchen/yard Owl 1 0.10 0.10",
        ]
        #expect(try rows().filter { $0.hasPrefix("0 ") } == first)
        tracker.add(prediction(5, at: 62, ["Cat": 0.3, "Owl": 0.2]))
        tracker.add(prediction(6, at: 120, ["Owl": 0.5]))
        try store(tracker.take(), to: history)
        #expect(
            try rows().filter { !$0.hasPrefix("0 ") } == [
                "1 kitchen/ level 2 -20.00 -20.00", "1 kitchen/ Cat 1 0.30 0.30",
                "1 kitchen/ Siren 1 0.50 0.50", "2 kitchen/ level 1 -20.00 -20.00",
                "2 kitchen/ Owl 1 0.50 0.50",
            ])
    }

    @Test func `Old minutes are deleted, and before events when the database is too large`() throws {
        let history = try history()
        var tracker = MinuteTracker(labels: 2, after: 0, last: nil)
        for minute in 0..<3000 {
            tracker.add(prediction(UInt64(minute + 1), at: Double(minute) * 60, ["Siren": 0.5]))
        }
        try store(tracker.take(), to: history)
        let event = HistoryChange.event(Fixture.event(.end, 1, at: 90_000, duration: 1))
        let generation = try history.position(of: "kitchen").generation
        #expect(
            history.store([event], of: "kitchen", cursor: nil, generation: generation) == .stored([event]))
        var settings = GatewaySettings.History()
        settings.days = 1
        let stop = ConditionLocked(false)
        let now = Fixture.time(3000 * 60)
        Retention(settings, history: history, logger: log.logger).apply(now: now, until: stop)
        #expect(try rows().count == 2 * 1440)
        settings.days = 100
        settings.megabytes = 0
        // Two hours later, all but the last two of these minutes are at most a day old.
        Retention(settings, history: history, logger: log.logger)
            .apply(now: Fixture.time(3000 * 60 + 7200), until: stop)
        #expect(try rows().count == 2 * (1440 - 120))
        var events = 0
        try HistoryReader(path: folder.file("history.sqlite")).events(EventFilter()) { _ in events += 1 }
        #expect(events == 0)
    }

    @Test func `No minutes are stored if no labels are to be kept`() {
        var tracker = MinuteTracker(labels: 0, after: 0, last: nil)
        tracker.add(prediction(1, at: 1, ["Siren": 0.5]))
        #expect(tracker.take().isEmpty)
    }
}
