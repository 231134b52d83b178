import Glibc
import SystemSupport
import TestSupport
import Testing
import TextSupport
import Wire

/// `astd-gateway run` beside real daemons.
@Suite(.timeLimit(.minutes(10)))
struct GatewayHistoryTests {
    private let folder: TestFolder
    private let gateway: TestGateway

    init() throws {
        folder = try TestFolder()
        gateway = try TestGateway("history: {path: \(folder.file("history.sqlite"))}", in: folder)
    }

    private func events(
        _ what: String, until condition: ([JSONObject]) throws -> Bool
    ) async throws -> [JSONObject] {
        try await eventually(what, { try await gateway.records("events") }, until: condition)
    }

    @Test func `Each event is in the history once, over kills of the daemon and of the gateway`() async throws
    {
        for round in 1...2 {
            let daemon = try await RunningDaemon.startWithOneEvent(in: folder)
            let first = try gateway.start()
            let open = try await events("event \(round) in the history") { $0.count == round }
            #expect(open.last?["end"] == nil && open.last?.members["interrupted"] == .bool(false))
            first.kill()
            // The next gateway continues with the same run.
            let next = try gateway.start()
            try await eventually("a connection") { try next.standardError().contains("connected") }
            #expect(try await gateway.records("events").count == round)
            daemon.program.kill()
            let closed = try await events("the end of event \(round)") { $0.last?["end"] != nil }
            #expect(closed.count == round)
            #expect(closed.allSatisfy { $0.members["interrupted"] == .bool(true) })
            next.send(SIGTERM)
            let exit = try await next.exit()
            #expect(exit.code == 0, "\(exit.errorLines)")
        }
        let all = try await gateway.records("events")
        #expect(try all.map { try $0.requiredString("daemon") } == ["kitchen", "kitchen"])
        #expect(try all.map { try $0.requiredString("label") } == ["Speech", "Speech"])
        #expect(try await gateway.records("events", "--since", "1h", "--label", "Speech").count == 2)
        #expect(try await gateway.records("events", "--label", "Dog").isEmpty)
    }

    @Test func `The event of a dead daemon ends, although its socket still took a connection`() async throws {
        let daemon = try await RunningDaemon.startWithOneEvent(in: folder)
        let running = try gateway.start()
        _ = try await events("an event in the history") { $0.count == 1 }
        daemon.program.kill()
        // What the socket of a dying process does: it takes a connection, and closes it without a hello.
        let path = folder.file(RunningDaemon.control)
        try folder.remove(RunningDaemon.control)
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        try #require(UnixAddress(path: path)?.bind(listener) == 0 && listen(listener, 1) == 0)
        let connection = try await eventually("a connection of the gateway") { () -> Int32? in
            let connection = accept(listener, nil, nil)
            return connection < 0 ? nil : connection
        }
        close(connection)
        close(listener)
        let ended = try await events("the end of the event") { $0.last?["end"] != nil }
        #expect(ended.count == 1 && ended.last?.members["interrupted"] == .bool(true))
        running.kill()
    }

    @Test func `An event that ended while the gateway did not run has its own end`() async throws {
        let daemon = try await RunningDaemon.startWithOneEvent(in: folder)
        let first = try gateway.start()
        _ = try await events("an event in the history") { $0.count == 1 }
        first.kill()
        #expect(try await daemon.astctl("pause").code == 0)
        let next = try gateway.start()
        let ended = try await events("the end of the event") { $0.last?["end"] != nil }
        #expect(ended.count == 1 && ended.last?.members["interrupted"] == .bool(false))
        next.kill()
    }

    /// Windows in the minutes of the history.
    private func windows() async throws -> Int {
        guard TestFolder.exists(folder.file("history.sqlite")) else { return 0 }
        let script = """
            import sqlite3, sys
            database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
            print(database.execute("SELECT ifnull(sum(windows), 0) FROM minute_scores WHERE label IS NULL").fetchone()[0])
            """
        let exit = try await ChildProcess(
            ["python3", "-c", script, folder.file("history.sqlite")], in: folder, package: "python3"
        ).exit()
        return exit.lines.first.flatMap { Int($0) } ?? 0
    }

    @Test func `Each window is in the minutes once, over kills of the gateway`() async throws {
        // A window a second: the daemon holds those of a minute.
        let daemon = try await RunningDaemon.startWithOneEvent(hop: "1", in: folder)
        for round in 1...3 {
            let running = try gateway.start()
            try await eventually("windows in round \(round)", { try await windows() }) { $0 >= 3 * round }
            running.kill()
        }
        #expect(try await daemon.astctl("pause").code == 0)
        let published = try await daemon.status().counters.windows
        let last = try gateway.start()
        try await eventually("all windows", { try await windows() }) { $0 >= published }
        last.send(SIGTERM)
        #expect(try await last.exit().code == 0)
        #expect(try await windows() == published)
        daemon.program.kill()
    }
}
