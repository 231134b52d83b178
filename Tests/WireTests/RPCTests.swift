import Testing
import TextSupport
import Wire

@Suite struct RPCTests {
    private func refusal(_ text: String) -> RPCRequest.Refusal? {
        do throws(RPCRequest.Refusal) {
            _ = try RPCRequest(line: Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test func `A request is read with its id, method and params`() throws {
        let line = #"{"jsonrpc":"2.0","id":"x","method":"status","params":{"a":1}}"#
        let expected = RPCRequest(id: .string("x"), method: "status", params: JSONObject(["a": .number("1")]))
        #expect(try RPCRequest(line: Array(line.utf8)) == expected)
    }

    @Test func `Ids of every allowed kind are returned unchanged`() throws {
        for (id, text) in [("7", "7"), ("-1.50e1", "-1.50e1"), ("null", "null"), (#""a\"b""#, #""a\"b""#)] {
            let request = try RPCRequest(line: Array(#"{"jsonrpc":"2.0","id":\#(id),"method":"m"}"#.utf8))
            let reply = RPCReply.line(id: try #require(request.id), result: JSONText { $0.bool(true) })
            #expect(
                String(decoding: reply, as: UTF8.self) == #"{"jsonrpc":"2.0","id":\#(text),"result":true}"#
                    + "\n")
        }
    }

    @Test func `A request without an id is a notification`() throws {
        #expect(try RPCRequest(line: Array(#"{"jsonrpc":"2.0","method":"m"}"#.utf8)).id == nil)
    }

    @Test(arguments: [
        ("{", -32700, "null"), ("\u{0}", -32700, "null"), ("GET / HTTP/1.1", -32700, "null"),
        (#"{"jsonrpc":"2.0","id":1,"method":"m","id":2}"#, -32700, "null"),
        ("[]", -32600, "null"), (#"[{"jsonrpc":"2.0","id":1,"method":"m"}]"#, -32600, "null"),
        ("3", -32600, "null"), ("{}", -32600, "null"), (#"{"jsonrpc":"2.0","id":1}"#, -32600, "1"),
        (#"{"id":4,"method":"m"}"#, -32600, "4"), (#"{"jsonrpc":"1.0","id":4,"method":"m"}"#, -32600, "4"),
        (#"{"jsonrpc":"2.0","id":[],"method":"m"}"#, -32600, "null"),
        (#"{"jsonrpc":"2.0","id":true,"method":"m"}"#, -32600, "null"),
        (#"{"jsonrpc":"2.0","id":"q","method":5}"#, -32600, #""q""#),
        (#"{"jsonrpc":"2.0","id":6,"method":"m","params":[1]}"#, -32602, "6"),
        (#"{"jsonrpc":"2.0","id":6,"method":"m","params":"x"}"#, -32602, "6"),
    ])
    func `A line that is not a request is refused with the prescribed code`(
        _ text: String, _ code: Int, _ id: String
    )
        throws
    {
        let refusal = try #require(self.refusal(text))
        #expect(refusal.error.code.value == code)
        let reply = String(decoding: RPCReply.line(id: refusal.id, error: refusal.error), as: UTF8.self)
        #expect(reply.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":""#))
    }

    @Test func `The error for a batch says what to send instead`() {
        #expect(refusal("[]")?.error.message == "batches are not supported: send one request per line")
    }

    @Test func `A deeply nested request is a parse error`() {
        let deep = String(repeating: "[", count: 60_000)
        let refusal = self.refusal(#"{"jsonrpc":"2.0","id":1,"method":"m","params":\#(deep)"#)
        #expect(refusal?.error.code == .parseError)
        #expect(refusal?.error.message == "JSON nested deeper than 32 levels")
    }

    @Test func `Subscription parameters are read as they were written`() throws {
        let parameters = SubscribeParameters(
            kinds: [.prediction, .gap], labels: ["Speech", "Dog"], minScore: 0.1, topK: 3,
            run: RecordTests.run, sinceSeq: 41)
        let line = RPCRequest.line(id: 1, .subscribe, writeParams: parameters.writeMembers)
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"types":["gap","prediction"],"labels":["Dog","Speech"],"min_score":0.1,"top_k":3,"run":"5f0c9a3be2174c11","since_seq":41}}"#
                + "\n")
        #expect(try SubscribeParameters(RPCRequest(line: line.dropLast()).params) == parameters)
    }

    @Test(arguments: [
        #"{"types":"prediction"}"#, #"{"types":["hello"]}"#, #"{"types":[1]}"#, #"{"labels":[null]}"#,
        #"{"min_score":"high"}"#, #"{"min_score":1e99}"#, #"{"top_k":0}"#, #"{"top_k":1.5}"#,
        #"{"since_seq":-1}"#, #"{"topk":3}"#, #"{"types":[]}"#, #"{"labels":[]}"#, #"{"run":"5f0c"}"#,
        #"{"run":5,"since_seq":1}"#,
    ])
    func `Invalid subscription parameters are refused`(_ text: String) throws {
        let object = try JSONObject(parsing: Array(text.utf8))
        #expect(throws: JSONError.self) { try SubscribeParameters(object) }
    }

    @Test func `An empty filter is refused with what it would mean`() throws {
        let object = try JSONObject(parsing: Array(#"{"labels":[]}"#.utf8))
        let error = #expect(throws: JSONError.self) { try SubscribeParameters(object) }
        #expect(
            error?.description
                == "`labels` must be an array with at least one element; without `labels`, all are sent")
    }

    @Test func `A reply to subscribe is read as it was written`() throws {
        let resumption = SubscribeReply.Resumption(
            run: RecordTests.run, isSameRun: false, missedPredictions: 3, hasMissedEvents: true)
        for (reply, text) in [
            (SubscribeReply(isSubscribed: true), #"{"subscribed":true}"#),
            (
                SubscribeReply(isSubscribed: true, resumption: resumption, warnings: ["a doubt"]),
                #"{"subscribed":true,"run":"5f0c9a3be2174c11","same_run":false,"missed_predictions":3,"missed_events":true,"warnings":["a doubt"]}"#
            ),
        ] {
            #expect(String(decoding: JSONText(reply).bytes, as: UTF8.self) == text)
            #expect(try SubscribeReply(JSONObject(parsing: Array(text.utf8))) == reply)
        }
    }

    @Test func `Runs have different ids of sixteen hexadecimal digits, and events are named after them`() {
        let runs = Set((0..<100).map { _ in RunID().text })
        #expect(runs.count == 100)
        #expect(runs.allSatisfy { $0.count == 16 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
        #expect(RecordTests.run.eventID(17) == "5f0c9a3be2174c11-17")
    }

    @Test func `Parameters of classify are read as they were written, and invalid ones are refused`() throws {
        for parameters in [
            ClassifyParameters(), ClassifyParameters(path: "/a b.wav", topK: 3, hop: 0.01),
            ClassifyParameters(name: "é\n", minScore: 0.25, hop: 600, channel: 2),
        ] {
            #expect(
                try ClassifyParameters(JSONObject(parsing: parameters.encoded().dropLast())) == parameters)
        }
        #expect(ClassifyParameters(hop: 0.29).hopFrames == 29)
        for text in [
            #"{"path":"a.wav"}"#, #"{"path":1}"#, #"{"top_k":0}"#, #"{"hop":0.001}"#, #"{"hop":0.015}"#,
            #"{"hop":601}"#,
            #"{"channel":0}"#, #"{"channel":"left"}"#, #"{"hop":"1"}"#, #"{"min_score":1e99}"#,
            #"{"file":"/a"}"#,
        ] {
            let object = try JSONObject(parsing: Array(text.utf8))
            #expect(throws: JSONError.self) { try ClassifyParameters(object) }
        }
    }

    @Test(arguments: [nil, "a.wav: the channels cancel"])
    func `The reply to classify is read as it was written`(warning: String?) throws {
        let report = ClassifyReport(file: "a.wav", windows: 2, seconds: 10.25, warning: warning)
        #expect(try ClassifyReport(JSONObject(parsing: report.encoded().dropLast())) == report)
    }

    @Test func `A client distinguishes replies, errors, records and notifications`() throws {
        let lost = LiveRecord.lost(Lost(count: 1))
        #expect(try RPCMessage(line: lost.encoded().dropLast()) == .record(lost))
        let notification = RPCReply.notification(kind: .lost, record: lost.encoded())
        #expect(
            String(decoding: notification, as: UTF8.self)
                == #"{"jsonrpc":"2.0","method":"lost","params":{"type":"lost","count":1}}"# + "\n")
        #expect(try RPCMessage(line: notification.dropLast()) == .notification(lost))
        let error = RPCError(.unavailable, "not now")
        #expect(
            try RPCMessage(line: RPCReply.line(id: .number("1"), error: error).dropLast())
                == .failure(id: .number("1"), error))
        let result = RPCReply.line(id: .number("1"), result: JSONText { $0.null() })
        #expect(try RPCMessage(line: result.dropLast()) == .result(id: .number("1"), .null))
        #expect(throws: JSONError.missing(field: "result")) { try RPCMessage(line: Array("{}".utf8)) }
    }
}
