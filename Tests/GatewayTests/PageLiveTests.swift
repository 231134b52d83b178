import TestSupport
import Testing
import TextSupport
import Wire

@testable import Gateway

/// `/api/live`: records as they happen.
@Suite(.timeLimit(.minutes(10))) struct PageLiveTests {
    private struct Message: Equatable {
        var kind = ""
        var id: String?
        var data: String = ""

        var json: JSONObject { get throws { try JSONObject(parsing: Array(data.utf8)) } }
    }

    /// The messages of a stream, as a browser reads them.
    private func messages(_ client: PageClient) -> [Message] {
        // The pieces of a chunked answer are whole messages here; their sizes have lines of their own.
        client.text.split(separator: "\n\n").compactMap { block in
            var message = Message()
            for line in block.split(separator: "\n") {
                if line.hasPrefix("event: ") { message.kind = String(line.dropFirst(7)) }
                if line.hasPrefix("id: ") { message.id = String(line.dropFirst(4)) }
                if line.hasPrefix("data: ") { message.data = String(line.dropFirst(6)) }
            }
            return message.kind.isEmpty ? nil : message
        }
    }

    private func event(_ state: EventRecord.State, _ number: UInt64) -> DaemonUpdate {
        .stored([.event(Fixture.event(state, number, at: Double(number)))])
    }

    @Test func `A client receives the state, the newest scores, and then every record`() async throws {
        let page = try PageFixture()
        try page.connect()
        page.server.update(.record(.prediction(Fixture.prediction(6, at: 6))), of: "kitchen")
        page.server.update(.record(.prediction(Fixture.prediction(7, at: 7))), of: "kitchen")
        let client = try await page.live()
        page.server.update(.record(.prediction(Fixture.prediction(8, at: 8))), of: "kitchen")
        page.server.update(event(.begin, 1), of: "kitchen")
        let lost = SourceRecord(state: .lost, name: "pulse:Mic", message: "unplugged")
        page.server.update(.record(.source(lost)), of: "kitchen")
        let gap = Gap(startSample: 16_000, endSample: 32_000, reason: .skipped)
        page.server.update(
            .stored([.gap(HistoryGap(reason: .samples(gap), begin: Fixture.time(1), end: Fixture.time(2)))]),
            of: "kitchen")
        page.server.update(.disconnected(reason: "the daemon closed the connection"), of: "kitchen")
        let all = try await eventually("the messages", { messages(client) }) { $0.count >= 9 }
        #expect(
            all.map(\.kind) == [
                "daemon", "prediction", "daemon", "prediction", "event", "source", "daemon", "gap", "daemon",
            ])
        #expect(try all[0].json.string("daemon") == "kitchen" && all[0].json.bool("connected") == true)
        #expect(try all[1].json.integer("seq", as: Int.self) == 7)
        #expect(try all[2].json.string("daemon") == "street" && all[2].json.bool("connected") == false)
        #expect(try all[3].json.objects("labels")?.first?.string("label") == "Siren")
        #expect(all.map { $0.id != nil } == all.map { $0.kind == "event" })
        #expect(try all[4].json.string("state") == "begin" && all[4].json.string("daemon") == "kitchen")
        #expect(try all[6].json.objects("sources")?.first?.string("message") == "unplugged")
        #expect(try all[7].json.string("reason") == "skipped" && all[7].json.double("seconds") == 1)
        #expect(try all[8].json.string("reason") == "the daemon closed the connection")
        // The answer of `/api/status` is the same object.
        let status = try await page.get("/api/status").json.objects("daemons")?.first
        #expect(try all[8].json == status)
    }

    @Test func `The state has the hop of the moment`() async throws {
        let page = try PageFixture()
        try page.connect()
        let hop = HopRecord(unixNanos: 0, hopSeconds: 1.6, previousSeconds: 0.5, passMs: 1115)
        page.server.update(.record(.hop(hop)), of: "kitchen")
        let client = try await page.live()
        let first = try await eventually("the state", { messages(client) }) { !$0.isEmpty }
        #expect(try first[0].json.double("hop") == 1.6)
    }

    @Test func `A client that returns receives the events that it missed, in order`() async throws {
        var limits = PageLimits()
        limits.keptEvents = 3
        let page = try PageFixture(limits: limits)
        let first = try await page.live(query: "?daemon=kitchen")
        for number: UInt64 in 1...2 { page.server.update(event(.begin, number), of: "kitchen") }
        page.server.update(event(.begin, 3), of: "street")
        let seen = try await eventually("two events", { messages(first) }) {
            $0.filter { $0.id != nil }.count == 2
        }
        let id = try #require(seen.last?.id)
        page.server.update(event(.begin, 4), of: "kitchen")
        let second = try await page.live(["Last-Event-ID: \(id)"], query: "?daemon=kitchen")
        let missed = try await eventually("the events", { messages(second) }) { $0.last?.kind == "event" }
        #expect(
            try missed.filter { $0.kind == "event" }.map { try $0.json.string("id") } == [PageFixture.id(4)])
        #expect(!missed.contains { $0.kind == "lost" })
        // More than are kept.
        for number: UInt64 in 5...8 { page.server.update(event(.begin, number), of: "kitchen") }
        let third = try await page.live(["Last-Event-ID: \(id)"])
        let rest = try await eventually("the events", { messages(third) }) {
            $0.filter { $0.kind == "event" }.count == 3
        }
        let lost = try #require(rest.first { $0.kind == "lost" })
        #expect(try lost.json.integer("count", as: Int.self) == 3)
        #expect(
            try rest.filter { $0.kind == "event" }.map { try $0.json.string("id") }
                == [6, 7, 8].map { PageFixture.id($0) })
        // Of another run of the gateway, and nonsense.
        for id in ["0123456789abcdef-3", "x", "-", "1-2-3"] {
            let other = try await page.live(["Last-Event-ID: \(id)"])
            let found = try await eventually("the loss", { messages(other) }) {
                $0.contains { $0.kind == "lost" }
            }
            #expect(try found.last?.json["count"] == nil && found.last?.kind == "lost")
            #expect(!found.contains { $0.kind == "event" }, "\(id)")
        }
    }

    @Test func `A client that returns misses no event that is kept, however slowly it reads`() async throws {
        var limits = PageLimits()
        limits.liveQueue = 4
        let page = try PageFixture(limits: limits)
        var first: PageClient? = try await page.live()
        page.server.update(event(.begin, 1), of: "kitchen")
        let seen = try await eventually("an event", { first.map(messages) ?? [] }) {
            $0.last?.kind == "event"
        }
        let id = try #require(seen.last?.id)
        first = nil
        try await eventually("the end of the first client") {
            try await page.get("/metrics").text.contains("live_clients 0\n")
        }
        // More than the buffers of the kernel and of the server hold.
        let label = String(repeating: "a", count: 10_000)
        for number: UInt64 in 2...61 {
            let record = Fixture.event(.begin, number, at: Double(number), label: label)
            page.server.update(.stored([.event(record)]), of: "kitchen")
        }
        let slow = try await page.live(["Last-Event-ID: \(id)"], receiveBytes: 4096)
        // While it reads.
        page.server.update(event(.end, 1), of: "kitchen")
        let all = try await eventually("the events", { messages(slow) }) {
            $0.last?.kind == "event" && $0.last?.data.contains(#""state":"end""#) == true
        }
        #expect(all.count { $0.kind == "event" } == 61 && !all.contains { $0.kind == "lost" })
        #expect(try await page.get("/metrics").text.contains("live_dropped_total 0\n"))
    }

    @Test func `A client that reads again learns how much it missed`() async throws {
        var limits = PageLimits()
        limits.liveQueue = 4
        let page = try PageFixture(limits: limits)
        let slow = try await page.live(receiveBytes: 4096)
        let label = String(repeating: "a", count: 50_000)
        var seq: UInt64 = 0
        try await eventually("records that the slow client misses") {
            seq += 1
            let prediction = Fixture.prediction(seq, at: Double(seq))
                .with(labels: [ScoredLabel(index: 0, label: label, score: 1)])
            page.server.update(.record(.prediction(prediction)), of: "kitchen")
            return try await !page.get("/metrics").text.contains("live_dropped_total 0\n")
        }
        let all = try await eventually("the loss", { messages(slow) }) { $0.contains { $0.kind == "lost" } }
        let count = try #require(try all.first { $0.kind == "lost" }?.json.integer("count", as: Int.self))
        #expect(all.filter { $0.kind == "prediction" }.count + count == Int(seq))
        // What follows arrives again.
        page.server.update(event(.begin, 1), of: "kitchen")
        try await eventually("an event") { messages(slow).last?.kind == "event" }
    }

    @Test func `A client that never reads delays no other, and its connection is reset`() async throws {
        var limits = PageLimits()
        limits.stallSeconds = 0.5
        // The server looks for such clients twice as often.
        limits.heartbeatSeconds = 0.2
        limits.liveQueue = 4
        let page = try PageFixture(limits: limits)
        let slow = try await page.live(receiveBytes: 4096)
        let fast = try await page.live()
        var seq: UInt64 = 0
        try await eventually("the end of the slow client") {
            seq += 1
            // The first records are more than the buffers of the kernel and of the server hold.
            let label = seq <= 20 ? String(repeating: "a", count: 50_000) : "Siren"
            let prediction = Fixture.prediction(seq, at: Double(seq))
                .with(labels: [ScoredLabel(index: 0, label: label, score: 1)])
            page.server.update(.record(.prediction(prediction)), of: "kitchen")
            var text = ""
            try await eventually("record \(seq) at the client that reads") {
                text += fast.takeText()
                return text.contains("\"seq\":\(seq),")
            }
            #expect(!text.contains("event: lost"))
            return try await page.get("/metrics").text.contains("live_closed_total 1\n")
        }
        // Of what the kernel held for it, it receives no more than its own buffer has.
        try await slow.closed()
        #expect(slow.isReset)
        #expect(!fast.isClosed)
        #expect(try await page.get("/metrics").text.contains("live_clients 1\n"))
    }

    @Test func `The events of a daemon that died end, also at live clients`() async throws {
        let page = try PageFixture()
        try page.connect()
        let client = try await page.live()
        page.server.update(event(.begin, 1), of: "kitchen")
        page.server.update(.stored([.interrupted(except: [], at: Fixture.time(9))]), of: "kitchen")
        let all = try await eventually("two events", { messages(client) }) {
            $0.filter { $0.kind == "event" }.count == 2
        }
        let end = try #require(all.last).json
        #expect(try end.string("state") == "end" && end.bool("interrupted") == true)
        #expect(try end.double("duration") == 8 && end.string("id") == PageFixture.id(1))
        let status = try await page.get("/api/status").json.objects("daemons")?.first
        #expect(try status?.objects("events") == [])
    }

    @Test func `Pictures of the sound are sent to clients that ask for them`() async throws {
        let page = try PageFixture()
        try page.connect()
        let (asking, other) = (try await page.live(query: "?spectrum=1"), try await page.live())
        let record = SpectrumRecord(
            unixNanos: Fixture.time(1).unixNanos, startSample: 0, endSample: 1600, levels: [-60, -3])
        page.server.update(.record(.spectrum(record)), of: "kitchen")
        page.server.update(event(.begin, 1), of: "kitchen")
        let all = try await eventually("an event", { messages(asking) }) { $0.last?.kind == "event" }
        #expect(all.map(\.kind).suffix(3) == ["spectrum", "daemon", "event"])
        #expect(
            try all.first { $0.kind == "spectrum" }?.json["levels"]
                == .array([.number("-60"), .number("-3")]))
        #expect(try all.suffix(2).first?.json.bool("spectrum") == true)
        try await eventually("an event") { messages(other).last?.kind == "event" }
        #expect(!messages(other).contains { $0.kind == "spectrum" })
        #expect(try await page.get("/api/live?spectrum=yes").status == 400)
    }

    @Test func `A silent stream has heart beats, and too many clients are refused`() async throws {
        var limits = PageLimits()
        limits.heartbeatSeconds = 0.1
        limits.liveClients = 2
        let page = try PageFixture(limits: limits)
        let (first, second) = (try await page.live(), try await page.live())
        try await eventually("heart beats") { first.text.contains("\n:\n\n") }
        let third = try await page.get("/api/live")
        #expect(third.status == 503 && third.headers["retry-after"] != nil)
        withExtendedLifetime(second) {}
    }

    @Test func `A thousand clients receive each record`() async throws {
        let page = try PageFixture()
        try page.connect()
        var clients: [PageClient] = []
        for _ in 1...1000 { clients.append(try page.client()) }
        for client in clients { client.send("GET", "/api/live") }
        for client in clients { try await eventually("the stream") { client.text.contains("event: daemon") } }
        page.server.update(event(.begin, 1), of: "kitchen")
        for client in clients { try await eventually("the event") { client.text.contains("event: event") } }
        #expect(try await page.get("/metrics").text.contains("live_clients 1000\n"))
    }
}
