import Testing
import TextSupport
import Wire

@testable import Daemon

/// What a client that connects later receives of what it has missed.
@Suite(.timeLimit(.minutes(10))) struct CurrentStateTests {
    private static let lost = LiveRecord.source(SourceRecord(state: .lost, name: "pulse", message: "gone"))
    private static let adapter = LiveRecord.adapter(AdapterRecord(adapters: ["birds", nil]))

    private static func event(_ state: EventRecord.State, _ id: UInt64, _ label: String) -> LiveRecord {
        .event(
            EventRecord(
                state: state, id: "run-\(id)", seq: 0, label: label, unixNanos: 0, startSample: 0,
                endSample: 0, peakScore: 0.5, duration: 0))
    }

    /// The next records of a client.
    private func records(_ count: Int, of client: TestClient) async throws -> [LiveRecord?] {
        var records: [LiveRecord?] = []
        for _ in 0..<count { records.append(try await client.record()) }
        return records
    }

    @Test func `A client receives the source, the adapters and the events in progress after hello`()
        async throws
    {
        try await TestServer.with { test in
            test.hub.retain(Self.adapter)
            for record in [
                Self.event(.begin, 1, "Siren"), Self.event(.begin, 2, "Dog"), Self.lost,
                Self.event(.end, 1, "Siren"),
            ] { test.hub.publish(record) }
            let expected = [Self.lost, Self.adapter, Self.event(.begin, 2, "Dog")]
            for path in [test.events, test.control] {
                let client = try TestClient(path)
                _ = try await client.line()
                #expect(try await records(3, of: client) == expected)
            }
            // On astd.sock these are notifications, which a client of JSON-RPC ignores if it does not know
            // them.
            let control = try TestClient(test.control)
            _ = try await control.line()
            #expect(try await control.line()?.hasPrefix(#"{"jsonrpc":"2.0","method":"source""#) == true)
        }
    }

    @Test func `A subscription starts with the current state, as far as its filter admits it`() async throws {
        try await TestServer.with { test in
            let client = try TestClient(test.control)
            _ = try await client.line()
            for record in [Self.lost, Self.event(.begin, 1, "Siren"), Self.event(.begin, 2, "Dog")] {
                test.hub.publish(record)
            }
            _ = try await client.request("subscribe", #"{"types":["source","event"],"labels":["Dog"]}"#)
            #expect(try await records(2, of: client) == [Self.lost, Self.event(.begin, 2, "Dog")])
            // A second subscription receives it again.
            _ = try await client.request("subscribe", #"{"types":["source"]}"#)
            #expect(try await client.record() == Self.lost)
        }
    }

    @Test func `Records that since_seq repeats are not sent twice`() async throws {
        try await TestServer.with { test in
            test.hub.publish(Self.event(.begin, 1, "Siren"))
            test.hub.publish(TestServer.prediction(1))
            test.hub.publish(Self.lost)
            let client = try TestClient(test.control)
            _ = try await client.line()
            _ = try await records(2, of: client)
            _ = try await client.request("subscribe", #"{"since_seq":1}"#)
            // The begin of the event is older; the loss is among the repeated records.
            #expect(try await records(2, of: client) == [Self.event(.begin, 1, "Siren"), Self.lost])
            test.hub.publish(TestServer.prediction(2))
            #expect(try await client.record() == TestServer.prediction(2))
        }
    }
}
