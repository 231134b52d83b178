import SystemSupport
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Gateway

/// The publisher between a history and a real broker.
@Suite(.timeLimit(.minutes(10))) struct MQTTPublisherTests {
    private let folder: TestFolder
    private let log = LogLines()
    private let stop = ConditionLocked(false)

    init() throws { folder = try TestFolder() }

    private func history(maximumPages: Int? = nil) throws -> History {
        try History(
            path: folder.file("history.sqlite"), keepsOutbox: true, retry: .zero, maximumPages: maximumPages,
            logger: log.logger)
    }

    private func publisher(_ broker: MosquittoBroker, _ history: History) throws -> MQTTPublisher {
        var settings = GatewaySettings()
        settings.node = "test"
        settings.daemons = [.init(name: "kitchen", runtimeDirectory: folder.path)]
        let options = MQTTClient.Options(
            address: try #require(BrokerAddress(broker.url)), clientID: "test",
            will: MQTTMessage(topic: "astd/test/status", payload: "offline"))
        return MQTTPublisher(options, settings, history: history, runners: [], logger: log.logger)
    }

    /// `STATE NUMBER` of each event that a subscriber has received, in order.
    private func events(_ subscriber: ChildProcess) throws -> [String] {
        try subscriber.standardOutput().split(separator: "\n").compactMap { line in
            guard line.hasPrefix("astd/test/event "), let brace = line.firstIndex(of: "{") else { return nil }
            let event = try JSONObject(parsing: Array(line[brace...].utf8))
            let number = try event.requiredString("id").split(separator: "-").last ?? ""
            return "\(try event.requiredString("state")) \(number)"
        }
    }

    private func store(_ changes: [HistoryChange], to history: History, seq: UInt64) throws -> HistoryOutcome
    {
        let cursor = HistoryCursor(run: Fixture.run, seq: seq, time: Fixture.time(Double(seq)))
        let generation = try history.position(of: "kitchen").generation
        return history.store(changes, of: "kitchen", cursor: cursor, generation: generation)
    }

    private func begins(_ numbers: ClosedRange<UInt64>, label: String = "Siren") -> [HistoryChange] {
        numbers.map { .event(Fixture.event(.begin, $0, at: 1, label: label)) }
    }

    private func start(_ publisher: MQTTPublisher) async throws -> TestThread {
        let thread = TestThread { [stop] in publisher.run(until: stop) }
        try await eventually("a connection") { log.lines.contains { $0.contains("connected to the broker") } }
        return thread
    }

    @Test func `What is stored while the gateway stops is still published`() async throws {
        let broker = try await MosquittoBroker(in: folder)
        let subscriber = try await broker.subscribe(to: "#")
        let history = try history()
        let thread = try await start(try publisher(broker, history))
        #expect(try store(begins(1...100), to: history, seq: 1) == .stored(begins(1...100)))
        stop.change { $0 = true }
        thread.join()
        #expect(try history.outboxCount() == 0)
        try await eventually("the farewell") { try subscriber.standardOutput().contains("status offline") }
        #expect(try events(subscriber) == (1...100).map { "begin \($0)" })
        try await broker.stop()
    }

    @Test func `What is published while the disk is full is not published again`() async throws {
        let broker = try await MosquittoBroker(in: folder)
        let subscriber = try await broker.subscribe(to: "#")
        var history = try history()
        #expect(try store(begins(1...1), to: history, seq: 1) == .stored(begins(1...1)))
        let pages = try #require(
            try history.withDatabase { (database) throws(SQLiteError) in
                try database.number("PRAGMA page_count")
            })
        history = try self.history(maximumPages: Int(pages))
        let publisher = try publisher(broker, history)
        let thread = try await start(publisher)
        let changes = begins(2...60, label: String(repeating: "x", count: 400))
        #expect(try store(changes, to: history, seq: 2) == .suspended)
        publisher.update(.unsaved(changes), of: "kitchen")
        // The daemon dies; the database does not know its events.
        let interrupted = HistoryChange.interrupted(except: [], at: Fixture.time(3))
        #expect(try store([interrupted], to: history, seq: 2) == .suspended)
        publisher.update(.unsaved([interrupted]), of: "kitchen")
        let begun = (1...60).map { "begin \($0)" }
        let ended = (2...60).map { "end \($0)" }.sorted()
        try await eventually("the events") {
            try events(subscriber)
        } until: {
            $0.count == 119
        }

        try history.withDatabase { (database) throws(SQLiteError) in
            try database.execute("PRAGMA max_page_count = 1000000")
        }
        #expect(try store(changes, to: history, seq: 2) == .behind)
        #expect(try store(changes, to: history, seq: 2) == .stored(changes))
        #expect(try store([interrupted], to: history, seq: 2) == .stored([interrupted]))
        #expect(try store(begins(61...61), to: history, seq: 3) == .stored(begins(61...61)))
        try await eventually("an empty outbox") { try history.outboxCount() == 0 }
        stop.change { $0 = true }
        thread.join()
        try await eventually("the farewell") { try subscriber.standardOutput().contains("status offline") }
        // Event 1 was stored, and is interrupted in the database alone.
        #expect(try events(subscriber) == begun + ended + ["end 1", "begin 61"])
        try await broker.stop()
    }
}
