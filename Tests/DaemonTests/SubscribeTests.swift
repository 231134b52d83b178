import TextSupport
import TestSupport
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct SubscribeTests {
    private func subscribe(_ test: TestServer, _ params: String) async throws -> TestClient {
        let client = try TestClient(test.control)
        _ = try await client.line()
        let reply = try await client.request("subscribe", params)
        guard case .result(_, .object(let object))? = reply, try object.bool("subscribed") == true else {
            Issue.record("subscribe was answered with \(String(describing: reply))")
            throw TestFailure("subscribe was refused")
        }
        return client
    }

    @Test func `A subscriber receives records as notifications`() async throws {
        try await TestServer.with { test in
            let client = try await subscribe(test, "{}")
            test.hub.publish(.lost(Lost(count: 4)))
            #expect(
                try await client.line()
                    == #"{"jsonrpc":"2.0","method":"lost","params":{"type":"lost","count":4}}"#)
        }
    }

    @Test func `No records are sent before subscribing and after unsubscribing`() async throws {
        try await TestServer.with { test in
            let client = try TestClient(test.control)
            _ = try await client.line()
            test.hub.publish(TestServer.prediction(1))
            try await client.send(#"{"jsonrpc":"2.0","id":1,"method":"subscribe"}"#)
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":1,"result":{"subscribed":true}}"#)
            test.hub.publish(TestServer.prediction(2))
            #expect(try await client.record() == TestServer.prediction(2))
            try await client.send(#"{"jsonrpc":"2.0","id":2,"method":"unsubscribe"}"#)
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":2,"result":{"subscribed":false}}"#)
            test.hub.publish(TestServer.prediction(3))
            try await client.send(#"{"jsonrpc":"2.0","id":3,"method":"explain"}"#)
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":3,"result":""}"#)
        }
    }

    @Test func `The parameter types selects the kinds of records`() async throws {
        try await TestServer.with { test in
            let client = try await subscribe(test, #"{"types":["gap","adapter"]}"#)
            test.hub.publish(TestServer.prediction(1))
            test.hub.publish(.source(SourceRecord(state: .lost, name: "x")))
            let gap = LiveRecord.gap(Gap(startSample: 1, endSample: 2, reason: .skipped))
            test.hub.publish(gap)
            #expect(try await client.record() == gap)
        }
    }

    @Test func `The parameter sources selects a channel, or all channels of a source`() {
        func receives(_ name: String?, _ sources: Set<String>) -> Bool {
            let subscription = Subscription(form: .plain, parameters: SubscribeParameters(sources: sources))
            let record = SourceRecord(source: name, state: .healthy, name: "pulse")
            return subscription.select(.source(record), defaultTopK: nil) != nil
        }
        for name in ["yard", "yard/left", "yard/right"] { #expect(receives(name, ["yard", "door"])) }
        #expect(receives("yard/left", ["yard/left"]) && !receives("yard/right", ["yard/left"]))
        #expect(!receives("backyard/left", ["yard"]) && !receives("yard", ["yard/left"]))
        #expect(receives(nil, ["yard"]))
    }

    @Test func `The parameter labels selects predictions and events, whatever the rank of the labels`()
        async throws
    {
        try await TestServer.with(limits: .init(defaultTopK: 1)) { test in
            let client = try await subscribe(test, #"{"labels":["c","d"]}"#)
            let scores: [(String, Float)] = [("a", 0.9), ("b", 0.8), ("c", 0.7), ("d", 0.6)]
            test.hub.publish(TestServer.prediction(1, labels: [("a", 0.9)]))
            test.hub.publish(TestServer.prediction(2, labels: scores))
            for label in ["a", "d"] {
                test.hub.publish(
                    .ongoing(
                        OngoingRecord(
                            id: "run-1", seq: 2, label: label, unixNanos: 0, startSample: 0, endSample: 9,
                            hits: 2, windows: 2, peakScore: 0.5, duration: 1)))
                test.hub.publish(
                    .event(
                        EventRecord(
                            state: .begin, id: "run-1", seq: 2, label: label, unixNanos: 0, startSample: 0,
                            endSample: 0, peakScore: 0.5, duration: 0)))
            }
            guard case .prediction(let prediction)? = try await client.record(),
                case .ongoing(let ongoing)? = try await client.record(),
                case .event(let event)? = try await client.record()
            else {
                Issue.record("a prediction, an event that continues, and an event were expected")
                return
            }
            #expect(prediction.seq == 2)
            #expect(prediction.labels.map(\.label) == ["c", "d"])
            #expect(ongoing.label == "d" && event.label == "d")
        }
    }

    @Test func `Labels below min_score or beyond top_k are omitted`() async throws {
        try await TestServer.with { test in
            let scores: [(String, Float)] = [("a", 0.9), ("b", 0.8), ("c", 0.25), ("d", .nan)]
            let minimum = try await subscribe(test, #"{"min_score":0.25}"#)
            let top = try await subscribe(test, #"{"top_k":1}"#)
            test.hub.publish(TestServer.prediction(1, labels: [("a", 0.1)]))
            test.hub.publish(TestServer.prediction(2, labels: scores))
            guard case .prediction(let strong)? = try await minimum.record(),
                case .prediction(let first)? = try await top.record()
            else {
                Issue.record("two predictions were expected")
                return
            }
            #expect(strong.seq == 2)
            #expect(strong.labels.map(\.label) == ["a", "b", "c"])
            #expect(first.seq == 1)
            #expect(try await top.record() == TestServer.prediction(2, labels: [("a", 0.9)]))
        }
    }

    @Test func `Predictions after since_seq are repeated, and those no longer held are counted`() async throws
    {
        try await TestServer.with(limits: .init(predictions: 4)) { test in
            for seq in 1...10 { test.hub.publish(TestServer.prediction(UInt64(seq))) }
            let recent = try await subscribe(test, #"{"since_seq":8}"#)
            #expect(try await recent.record() == TestServer.prediction(9))
            #expect(try await recent.record() == TestServer.prediction(10))
            let old = try await subscribe(test, #"{"since_seq":3}"#)
            #expect(try await old.record() == .lost(Lost(count: 3)))
            #expect(try await old.record() == TestServer.prediction(7))
            let current = try await subscribe(test, #"{"since_seq":10}"#)
            test.hub.publish(TestServer.prediction(11))
            #expect(try await current.record() == TestServer.prediction(11))
        }
    }

    @Test func `Names that are no labels are reported in the reply`() async throws {
        try await TestServer.with { test in
            let client = try TestClient(test.control)
            let reply = try await client.request("subscribe", #"{"labels":["Sirn"]}"#)
            guard case .result(_, .object(let object))? = reply else {
                Issue.record("\(String(describing: reply))")
                return
            }
            #expect(
                try SubscribeReply(object)
                    == SubscribeReply(
                        isSubscribed: true, warnings: ["no label `Sirn`; did you mean `Siren`?"]))
        }
    }

    @Test func `Invalid parameters are refused, and the client stays unsubscribed`() async throws {
        try await TestServer.with { test in
            let client = try TestClient(test.control)
            _ = try await client.line()
            let reply = try await client.request("subscribe", #"{"top_k":"many"}"#)
            guard case .failure(.number("1"), let error)? = reply else {
                Issue.record("\(String(describing: reply))")
                return
            }
            #expect(error.code == .invalidParams)
            #expect(error.message.hasPrefix("params: `top_k` must be a whole number"))
            test.hub.publish(TestServer.prediction(1))
            #expect(try await client.request("explain") == .result(id: .number("1"), .string("")))
        }
    }

    @Test func `A slow subscriber receives the number of lost records`() async throws {
        try await TestServer.with(limits: .init(queueBytes: 16 * 1024)) { test in
            let client = try await subscribe(test, "{}")
            for seq in 1...4_000 { test.hub.publish(TestServer.prediction(UInt64(seq))) }
            var next: UInt64 = 1
            var lost: UInt64 = 0
            while next <= 4_000, let record = try await client.record() {
                switch record {
                case .prediction(let prediction):
                    #expect(prediction.seq == next)
                    next += 1
                case .lost(let record):
                    lost += record.count
                    next += record.count
                default:
                    Issue.record("unexpected \(record)")
                }
            }
            #expect(lost > 0)
        }
    }
}
