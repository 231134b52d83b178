import Glibc
import SystemSupport
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Gateway

/// A server of the page in this process, with a history of four events.
final class PageFixture {
    let folder: TestFolder
    let log = LogLines()
    let history: History
    let server: PageServer

    init(
        limits: PageLimits = PageLimits(), token: String? = nil, hasHistory: Bool = true,
        change: (inout GatewaySettings) -> Void = { _ in }
    ) throws {
        let folder = try TestFolder()
        self.folder = folder
        var settings = GatewaySettings()
        settings.node = "home"
        settings.daemons = [
            GatewaySettings.Daemon(name: "kitchen", runtimeDirectory: folder.file("kitchen")),
            GatewaySettings.Daemon(name: "street", runtimeDirectory: folder.file("street")),
        ]
        let path = folder.file("h.sqlite")
        if hasHistory { settings.history.path = path }
        mkdir(folder.file("clips"), 0o700)
        settings.history.clips = [folder.file("clips")]
        settings.http.hosts = ["sounds.example.org"]
        settings.http.tokenFile = try token.map { try folder.write($0.utf8, to: "token") }
        change(&settings)
        history = try History(path: hasHistory ? path : ":memory:", logger: log.logger)
        try Self.fill(history)
        let address = try #require(PageAddress("127.0.0.1:0"))
        server = try PageServer(settings, address, history: history, limits: limits, logger: log.logger)
    }

    deinit { server.stop() }

    static func id(_ number: UInt64) -> String { Fixture.run.eventID(number) }

    /// Events 1 to 4, the last one in progress, and scores of two minutes.
    private static func fill(_ history: History) throws {
        var changes = (1...4).map { HistoryChange.event(Fixture.event(.begin, $0, at: Double($0))) }
        changes += (1...3).map {
            .event(Fixture.event(.end, $0, at: Double($0) + 0.5, duration: 0.5, peak: Float($0) / 10 + 0.5))
        }
        var minutes = MinuteTracker(labels: 10, after: 0, last: nil)
        for seq in 1...90 { minutes.add(Fixture.prediction(UInt64(seq), at: Double(seq))) }
        let cursor = HistoryCursor(run: Fixture.run, seq: 90, time: Fixture.time(90))
        #expect(
            history.store(
                changes, of: "kitchen", cursor: cursor, generation: 0, minutes: minutes.take())
                == .stored(changes))
    }

    func client(receiveBytes: Int32? = nil) throws -> PageClient {
        try PageClient(port: server.port, receiveBytes: receiveBytes)
    }

    func request(
        _ method: String, _ path: String, _ headers: [String] = [], body: String? = nil
    ) async throws -> PageClient.Answer {
        let client = try client()
        client.send(method, path, headers, body: body)
        return try await client.answer(hasBody: method != "HEAD")
    }

    func get(_ path: String, _ headers: [String] = []) async throws -> PageClient.Answer {
        try await request("GET", path, headers)
    }

    /// A client of `/api/live` that has received the begin of its stream.
    func live(
        _ headers: [String] = [], query: String = "", receiveBytes: Int32? = nil
    ) async throws -> PageClient {
        let client = try client(receiveBytes: receiveBytes)
        client.send("GET", "/api/live" + query, headers)
        try await eventually("the stream") { client.text.contains("retry: 2000") }
        return client
    }

    func connect(_ daemon: String = "kitchen") throws {
        let source = SourceReport(state: .healthy, name: "pulse:Mic")
        let status = StatusReport(
            state: .listening, version: "0.1.0", run: Fixture.run, pid: 1, uptimeSeconds: 1,
            model: ModelReport(
                path: "/m", name: "ast", labels: 8, activation: "sigmoid", activationReason: "",
                windowSeconds: 1, sampleRate: 16_000), adapters: [nil], precision: "fp32", threads: 1,
            source: source, events: [], hopSeconds: 1, counters: SourceCounters(), lastWindowMs: nil,
            meanWindowMs: nil, clients: 1, lostRecords: 0,
            memory: MemoryReport(rssBytes: 1, anonymousBytes: 1))
        server.update(.connected(Fixture.hello, status: status), of: daemon)
    }
}
