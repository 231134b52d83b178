import TestSupport
import TextSupport
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct EventStreamTests {
    @Test func `Every client receives hello and then every record, in order`() async throws {
        try await TestServer.with { test in
            let clients = try (0..<10).map { _ in try TestClient(test.events) }
            for client in clients {
                let hello = try await client.line()
                #expect(
                    hello
                        == #"{"type":"hello","protocol":1,"version":"0.1.0","run":"5f0c9a3be2174c11","model":"stub","adapter":null,"adapters":["base"],"labels":2,"window":10.24,"hop":1.0}"#
                )
            }
            let records: [LiveRecord] = [
                TestServer.prediction(1), .gap(Gap(startSample: 0, endSample: 5, reason: .overrun)),
                .adapter(AdapterRecord(adapters: ["a"])), TestServer.prediction(2),
            ]
            for record in records { test.hub.publish(record) }
            for client in clients {
                for record in records {
                    #expect(
                        try await client.line()
                            == String(decoding: record.encoded().dropLast(), as: UTF8.self))
                }
            }
        }
    }

    @Test func `A prediction has the default number of labels, highest scores first`() async throws {
        try await TestServer.with(limits: .init(defaultTopK: 2)) { test in
            let client = try TestClient(test.events)
            _ = try await client.line()
            test.hub.publish(TestServer.prediction(1, labels: [("a", 0.9), ("b", 0.8), ("c", 0.7)]))
            guard case .prediction(let prediction)? = try await client.record() else {
                Issue.record("no prediction")
                return
            }
            #expect(prediction.labels.map(\.label) == ["a", "b"])
        }
    }

    @Test func `A slow client receives the number of lost records, and a fast client loses none`()
        async throws
    {
        let limits = EventHub.Limits(queueBytes: 32 * 1024)
        try await TestServer.with(limits: limits) { test in
            let slow = try TestClient(test.events)
            let fast = try TestClient(test.events)
            _ = try await slow.line()
            _ = try await fast.line()
            let count: UInt64 = 5_000
            for first in stride(from: UInt64(1), through: count, by: 50) {
                for seq in first..<(first + 50) { test.hub.publish(TestServer.prediction(seq)) }
                for seq in first..<(first + 50) {
                    #expect(try await fast.record() == TestServer.prediction(seq))
                }
            }
            var seen: UInt64 = 0
            var lost: UInt64 = 0
            var next: UInt64 = 1
            while next <= count, let record = try await slow.record() {
                switch record {
                case .prediction(let prediction):
                    // Exactly as many are missing as `lost` reported.
                    #expect(prediction.seq == next)
                    seen += 1
                    next += 1
                case .lost(let record):
                    lost += record.count
                    next += record.count
                default:
                    Issue.record("unexpected \(record)")
                }
            }
            #expect(lost > 0)
            #expect(seen > 0)
            #expect(seen + lost == count)
            #expect(test.hub.lostRecords == lost)
            test.hub.publish(TestServer.prediction(count + 1))
            #expect(try await slow.record() == TestServer.prediction(count + 1))
        }
    }

    @Test func `Bytes that a client sends are ignored`() async throws {
        try await TestServer.with { test in
            let client = try TestClient(test.events)
            _ = try await client.line()
            try await client.send([UInt8](repeating: 0x7B, count: 1_000_000))
            test.hub.publish(TestServer.prediction(1))
            #expect(try await client.record() == TestServer.prediction(1))
        }
    }

    @Test func `A client that closes its sending side still receives records`() async throws {
        try await TestServer.with { test in
            let client = try TestClient(test.events)
            _ = try await client.line()
            client.shutdownWriting()
            try await test.serveOthers()
            test.hub.publish(TestServer.prediction(1))
            #expect(try await client.record() == TestServer.prediction(1))
        }
    }

    @Test func `A client that disconnects is removed although nothing is published`() async throws {
        try await TestServer.with { test in
            var client: TestClient? = try TestClient(test.events)
            _ = try await client?.line()
            #expect(test.clients.count == 1)
            client = nil
            try await eventually("0 clients") {
                test.clients.count
            } until: {
                $0 == 0
            }
        }
    }

    @Test func `A client that closes its sending side and then disconnects is removed`() async throws {
        try await TestServer.with { test in
            var client: TestClient? = try TestClient(test.events)
            _ = try await client?.line()
            client?.shutdownWriting()
            try await test.serveOthers()
            test.hub.publish(TestServer.prediction(1))
            #expect(try await client?.record() == TestServer.prediction(1))
            client = nil
            try await eventually("0 clients") {
                test.clients.count
            } until: {
                $0 == 0
            }
        }
    }

    @Test func `A client that disconnects with full buffers does not affect others`() async throws {
        try await TestServer.with { test in
            for round in 0..<6 {
                let client = try TestClient(test.events)
                _ = try await client.line()
                for seq in 1...2_000 { test.hub.publish(TestServer.prediction(UInt64(seq))) }
                if round.isMultiple(of: 2) { client.disconnect() }
            }
            try await eventually("0 clients") {
                test.clients.count
            } until: {
                $0 == 0
            }
            let witness = try TestClient(test.events)
            _ = try await witness.line()
            test.hub.publish(TestServer.prediction(77_777))
            #expect(try await witness.record() == TestServer.prediction(77_777))
        }
    }
}
