import TestSupport
import Testing
import TextSupport
import Wire

@testable import Daemon

/// Clients that continue after an interruption.
@Suite(.timeLimit(.minutes(10))) struct ResumptionTests {
    private static func event(_ number: UInt64, seq: UInt64, _ state: EventRecord.State = .end) -> LiveRecord
    {
        .event(
            EventRecord(
                state: state, id: StubHandler.run.eventID(number), seq: seq, label: "Siren", unixNanos: 0,
                startSample: 0, endSample: 0, peakScore: 0.5, duration: 0))
    }

    private static let gap = LiveRecord.gap(Gap(startSample: 0, endSample: 160, reason: .overrun))

    /// Subscribes on a new connection.
    private func subscribe(
        _ test: TestServer, _ params: String
    ) async throws -> (client: TestClient, resumption: SubscribeReply.Resumption?) {
        let client = try TestClient(test.control)
        let reply = try await client.request("subscribe", params)
        guard case .result(_, .object(let object))? = reply else {
            throw TestFailure("subscribe was answered with \(String(describing: reply))")
        }
        return (client, try SubscribeReply(object).resumption)
    }

    private func records(_ count: Int, of client: TestClient) async throws -> [LiveRecord?] {
        var records: [LiveRecord?] = []
        for _ in 0..<count { records.append(try await client.record()) }
        return records
    }

    @Test func `Events survive the predictions between them`() async throws {
        try await TestServer.with(limits: .init(predictions: 2)) { test in
            var events: [LiveRecord] = []
            for seq in 1...100 as ClosedRange<UInt64> {
                test.hub.publish(TestServer.prediction(seq))
                events.append(Self.event(seq, seq: seq))
                test.hub.publish(events[events.count - 1])
            }
            let (client, resumption) = try await subscribe(
                test, #"{"types":["event"],"run":"\#(StubHandler.run.text)","since_seq":10}"#)
            #expect(
                resumption
                    == .init(
                        run: StubHandler.run, isSameRun: true, missedPredictions: 88, hasMissedEvents: false))
            #expect(try await client.record() == .lost(Lost(count: 88)))
            // The event of prediction 10 may have come after it; its id tells whether the client has it.
            #expect(try await records(91, of: client) == Array(events[9...]))
            test.hub.publish(Self.event(101, seq: 100))
            #expect(try await client.record() == Self.event(101, seq: 100))
        }
    }

    @Test(arguments: [#""run":"0123456789abcdef","since_seq":1"#, #""since_seq":7"#])
    func `The since_seq of another run is recognised, and this run follows from its begin`(
        _ params: String
    ) async throws {
        try await TestServer.with { test in
            let published = [
                Self.gap, TestServer.prediction(1), Self.event(1, seq: 1), TestServer.prediction(2),
            ]
            for record in published { test.hub.publish(record) }
            let (client, resumption) = try await subscribe(test, "{\(params)}")
            #expect(
                resumption
                    == .init(
                        run: StubHandler.run, isSameRun: false, missedPredictions: 0, hasMissedEvents: false))
            #expect(try await records(4, of: client) == published)
        }
    }

    @Test func `Events that are no longer held are reported as missed`() async throws {
        try await TestServer.with(limits: .init(events: 2, otherRecords: 1)) { test in
            test.hub.publish(TestServer.prediction(1))
            for number in 1...3 as ClosedRange<UInt64> { test.hub.publish(Self.event(number, seq: 1)) }
            test.hub.publish(TestServer.prediction(2))
            let current = try await subscribe(test, #"{"since_seq":2}"#)
            #expect(current.resumption?.hasMissedEvents == false)
            let (client, resumption) = try await subscribe(test, #"{"since_seq":1}"#)
            #expect(resumption?.hasMissedEvents == true && resumption?.missedPredictions == 0)
            #expect(
                try await records(4, of: client) == [
                    .lost(Lost(count: 1)), Self.event(2, seq: 1), Self.event(3, seq: 1),
                    TestServer.prediction(2),
                ])
        }
    }

    @Test
    func `A resumed client receives each record once, however much it has missed and however slow it is`()
        async throws
    {
        // Far more than the queue of a client holds, or a socket takes.
        try await TestServer.with(limits: .init(queueBytes: 16 * 1024, events: 20_000)) { test in
            test.hub.publish(TestServer.prediction(1))
            for number in 1...9_999 as ClosedRange<UInt64> { test.hub.publish(Self.event(number, seq: 1)) }
            let (client, _) = try await subscribe(test, #"{"since_seq":0}"#)
            // These are published while the client has not read the first half.
            for number in 10_000...19_999 as ClosedRange<UInt64> {
                test.hub.publish(Self.event(number, seq: 1))
            }
            #expect(try await client.record() == TestServer.prediction(1))
            for number in 1...19_999 as ClosedRange<UInt64> {
                let record = try await client.record()
                guard record == Self.event(number, seq: 1) else {
                    Issue.record("\(String(describing: record)) instead of event \(number)")
                    return
                }
            }
            #expect(test.hub.lostRecords == 0)
        }
    }

    @Test func `Records that the history loses before a slow client reads them are counted`() throws {
        var hub = HubState(limits: .init(predictions: 2, events: 3), run: StubHandler.run)
        for number in 1...3 as ClosedRange<UInt64> { hub.publish(Self.event(number, seq: 0)) }
        let parameters = SubscribeParameters(sinceSeq: 0)
        let (client, _) = hub.attach(Subscription(form: .plain, parameters: parameters)) {}
        let first = String(decoding: hub.dequeue(client, maximumBytes: 1), as: UTF8.self)
        #expect(first.contains(StubHandler.run.eventID(1)))
        // Displaces the first three; the client has the first of them.
        for number in 4...6 as ClosedRange<UInt64> { hub.publish(Self.event(number, seq: 0)) }
        #expect(!hub.isDrained(client))
        let rest =
            String(decoding: hub.dequeue(client, maximumBytes: 1 << 16), as: UTF8.self)
            + String(decoding: hub.dequeue(client, maximumBytes: 1 << 16), as: UTF8.self)
        #expect(rest.hasPrefix(#"{"type":"lost","count":2}"#))
        #expect(rest.split(separator: "\n").count == 4)
        #expect(hub.dequeue(client, maximumBytes: 1 << 16).isEmpty && hub.isDrained(client))
        #expect(hub.lostRecords == 2)
    }

    @Test func `The begin of an event in progress is sent once, even if the history no longer holds it`() {
        var hub = HubState(limits: .init(events: 1), run: StubHandler.run)
        hub.publish(Self.event(1, seq: 0, .begin))
        hub.publish(Self.event(2, seq: 0, .begin))
        let parameters = SubscribeParameters(sinceSeq: 0)
        let (client, _) = hub.attach(Subscription(form: .plain, parameters: parameters)) {}
        var lines: [UInt8] = []
        while case let piece = hub.dequeue(client, maximumBytes: 1 << 16), !piece.isEmpty { lines += piece }
        let ids = String(decoding: lines, as: UTF8.self).split(separator: "\n").compactMap {
            try? LiveRecord(line: Array($0.utf8))
        }
        #expect(
            ids == [
                Self.event(1, seq: 0, .begin), .lost(Lost(count: 1)), Self.event(2, seq: 0, .begin),
            ])
    }
}
