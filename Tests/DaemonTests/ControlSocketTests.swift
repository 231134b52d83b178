import TestSupport
import TextSupport
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct ControlSocketTests {
    /// A connected client that has read its hello.
    private func connect(_ test: TestServer) async throws -> TestClient {
        let client = try TestClient(test.control)
        guard case .hello? = try await client.record() else { throw TestFailure("no hello") }
        return client
    }

    @Test func `A reply has the id of its request`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            try await client.send(#"{"jsonrpc":"2.0","id":"q-1","method":"explain","params":{"label":"hé"}}"#)
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":"q-1","result":"hé"}"#)
        }
    }

    @Test func `The hello record can be requested`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            guard case .result(_, .object(let object))? = try await client.request("hello") else {
                Issue.record("no object")
                return
            }
            #expect(try LiveRecord(object) == .hello(StubHandler().hello()))
        }
    }

    @Test func `The error for an unknown method names it`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            let reply = try await client.request("fly", id: 3)
            #expect(reply == .failure(id: .number("3"), RPCError(.methodNotFound, "no such method: fly")))
        }
    }

    @Test func `A parameter that the method does not accept is refused by name`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            for (method, params, message) in [
                (
                    "status", #"{"verbose":true}"#,
                    "params: unknown parameter `verbose`; `status` accepts `source`"
                ),
                (
                    "adapter.use", #"{"name":"a"}"#,
                    "params: unknown parameter `name`; `adapter.use` accepts `names`, `source`"
                ),
                (
                    "subscribe", #"{"topk":1}"#,
                    "params: unknown parameter `topk`; "
                        + "`subscribe` accepts `types`, `sources`, `labels`, `min_score`, `top_k`, `run`, "
                        + "`since_seq`"
                ),
            ] {
                let reply = try await client.request(method, params)
                #expect(reply == .failure(id: .number("1"), RPCError(.invalidParams, message)))
            }
        }
    }

    @Test func `Requests that were not started when the daemon stops are refused with -32002`() async throws {
        try await TestServer.withDirectory { directory in
            // The grace period must not end before the replies are read.
            let test = TestServer(directory: directory, shutdownGraceSeconds: 600)
            try await test.server.bind()
            let client = try await connect(test)
            // In one piece, so that the second waits in the daemon while the first is in progress.
            try await client.send(
                #"{"jsonrpc":"2.0","id":1,"method":"reload"}"# + "\n"
                    + #"{"jsonrpc":"2.0","id":2,"method":"explain"}"#)
            let idle = try await connect(test)
            let closing = Task { await test.server.close() }
            // An idle client is disconnected as soon as the server stops: from now on requests are refused.
            #expect(try await idle.line() == nil)
            test.gate.open()
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":1,"result":true}"#)
            let refusal = #""error":{"code":-32002,"message":"the daemon is stopping"}}"#
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":2,"# + refusal)
            #expect(try await client.line() == nil)
            await closing.value
        }
    }

    @Test func `Every request that was sent before the daemon stops is answered, however long it takes`()
        async throws
    {
        try await TestServer.withDirectory { directory in
            let test = TestServer(
                directory: directory, requestGraceSeconds: 0.01, shutdownGraceSeconds: 600)
            try await test.server.bind()
            let client = try await connect(test)
            // The first request never ends; the others are more than the daemon reads ahead.
            let count = 1_000
            var lines = #"{"jsonrpc":"2.0","id":0,"method":"reload"}"# + "\n"
            for id in 1..<count { lines += #"{"jsonrpc":"2.0","id":\#(id),"method":"explain"}"# + "\n" }
            try await client.send(Array(lines.utf8))
            try await test.serveOthers()
            let closing = Task { await test.server.close() }
            for id in 0..<count {
                let message = id == 0 ? "the daemon is stopping; the request was interrupted" : nil
                let error = RPCError(.stopping, message ?? RPCError.stopping.message)
                #expect(try await client.message() == .failure(id: .number("\(id)"), error))
            }
            #expect(try await client.line() == nil)
            await closing.value
        }
    }

    @Test func `A request that is cut off in the middle does not delay the end of the daemon`() async throws {
        try await TestServer.withDirectory { directory in
            let test = TestServer(directory: directory, shutdownGraceSeconds: 600)
            try await test.server.bind()
            let client = try await connect(test)
            try await client.send(Array(#"{"jsonrpc":"2.0","id":0,"meth"#.utf8))
            try await test.serveOthers()
            await test.server.close()
            #expect(try await client.line() == nil)
        }
    }

    @Test func `Pipelined requests are answered in order, notifications are not answered`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            var lines = ""
            for id in 0..<500 {
                lines += #"{"jsonrpc":"2.0","id":\#(id),"method":"explain"}"# + "\r\n\n"
                lines += #"{"jsonrpc":"2.0","method":"explain"}"# + "\n"
            }
            try await client.send(Array(lines.utf8))
            for id in 0..<500 {
                #expect(try await client.line() == #"{"jsonrpc":"2.0","id":\#(id),"result":""}"#)
            }
        }
    }

    @Test func `A request that arrives byte by byte is answered once it is complete`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            for byte in #"{"jsonrpc":"2.0","id":1,"method":"explain"}"#.utf8 { try await client.send([byte]) }
            try await client.send("")
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":1,"result":""}"#)
        }
    }

    @Test func `Garbage is answered with errors and the connection stays usable`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            var state: UInt32 = 12_345
            var garbage: [UInt8] = []
            for _ in 0..<20_000 {
                state = state &* 1_664_525 &+ 1_013_904_223
                garbage.append(UInt8(truncatingIfNeeded: state >> 24))
            }
            async let sending: Int = client.send(garbage + [0x0A])
            _ = try await sending
            let reply = try await replyAfterErrors(client)
            #expect(reply == .result(id: .number("9"), .string("still here")))
        }
    }

    private func replyAfterErrors(_ client: TestClient) async throws -> RPCMessage? {
        try await client.send(#"{"jsonrpc":"2.0","id":9,"method":"explain","params":{"label":"still here"}}"#)
        var errors = 0
        while let line = try await client.line() {
            let message = try RPCMessage(line: Array(line.utf8))
            guard case .failure(.null, let error) = message else {
                #expect(errors > 10)
                return message
            }
            #expect(error.code == .parseError || error.code == .invalidRequest)
            errors += 1
        }
        return nil
    }

    @Test func `Very long numbers and very deep nesting are refused, and the connection stays usable`()
        async throws
    {
        try await TestServer.with { test in
            let client = try await connect(test)
            let digits = String(repeating: "9", count: 60_000)
            let depth = String(repeating: "[", count: 30_000)
            let objects = String(repeating: #"{"a":"#, count: 10_000)
            for (line, code) in [
                (#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"top_k":\#(digits)}}"#, -32602),
                (#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"since_seq":-1}}"#, -32602),
                (#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"min_score":1e999}}"#, -32602),
                (
                    #"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"min_score":1e-\#(digits)x}}"#,
                    -32700
                ),
                (depth, -32700), (objects, -32700), (#"{"id":1,"params":"# + depth, -32700),
            ] {
                try await client.send(line)
                guard
                    case .failure(_, let error)? = try await client.line().map({
                        try RPCMessage(line: Array($0.utf8))
                    })
                else {
                    Issue.record("not refused: \(line.prefix(80))")
                    return
                }
                #expect(error.code.value == code, "\(line.prefix(80))")
                #expect(error.message.utf8.count < 1_000)
            }
            // An id of any length is returned digit for digit.
            try await client.send(#"{"jsonrpc":"2.0","id":\#(digits),"method":"explain"}"#)
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":\#(digits),"result":""}"#)
        }
    }

    @Test func `An overlong line is refused once, and the next line is answered`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            try await client.send([UInt8](repeating: 0x20, count: 300_000) + [0x0A])
            let reply = try await client.request("explain")
            let message = "a line is longer than 65536 bytes; it was skipped"
            #expect(reply == .failure(id: .null, RPCError(.lineTooLong, message)))
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":1,"result":""}"#)
        }
    }

    @Test func `A client that closes its sending side still receives its replies`() async throws {
        try await TestServer.with { test in
            let client = try await connect(test)
            try await client.send(#"{"jsonrpc":"2.0","id":1,"method":"explain"}"#)
            // The second request has no line break.
            try await client.send(Array(#"{"jsonrpc":"2.0","id":2,"method":"explain"}"#.utf8))
            client.shutdownWriting()
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":1,"result":""}"#)
            #expect(try await client.line() == #"{"jsonrpc":"2.0","id":2,"result":""}"#)
            #expect(try await client.line() == nil)
        }
    }

    @Test func `A request in progress does not delay other clients`() async throws {
        try await TestServer.with { test in
            let waiting = try await connect(test)
            try await waiting.send(#"{"jsonrpc":"2.0","id":1,"method":"reload"}"#)
            let other = try await connect(test)
            #expect(try await other.request("explain") == .result(id: .number("1"), .string("")))
            waiting.disconnect()
            try await eventually("1 clients") {
                test.clients.count
            } until: {
                $0 == 1
            }
        }
    }

    @Test func `The server stops reading from a client that does not read its replies`() async throws {
        try await TestServer.with { test in
            let flood = try await connect(test)
            let lines =
                [UInt8](repeating: 0x0A, count: 0) + Array(String(repeating: "x\n", count: 50_000).utf8)
            var taken = 0
            // Ends when the server has served others meanwhile and still takes nothing.
            for _ in 0..<200 {
                taken += try await flood.send(lines, isPatient: false)
                try await test.serveOthers()
                let more = try await flood.send(lines, isPatient: false)
                taken += more
                if more == 0 { break }
            }
            // Of 20 MB offered, only as much was accepted as the socket buffers and a bounded number of
            // replies hold.
            #expect(taken < 2_000_000)
            let other = try await connect(test)
            #expect(try await other.request("explain") == .result(id: .number("1"), .string("")))
        }
    }
}
