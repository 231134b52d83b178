import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// The end of the daemon while requests are in progress.
@Suite(.timeLimit(.minutes(10)))
struct ShutdownTests {
    private static let stopping = RPCError.Code.stopping.value

    /// A client that has read its hello.
    private func connect(_ daemon: RunningDaemon) async throws -> RecordClient {
        let client = try daemon.control()
        _ = try await client.nextObject()
        return client
    }

    @Test func `Requests that wait for a hung sound server are answered when the daemon stops`() async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(["--source", "pulse:\(PulseServer.monitor)"], in: folder)
        server.suspend()
        defer { server.resume() }
        let client = try await connect(daemon)
        try client.send("sources")
        for _ in 0..<100 { try client.send("hello") }
        daemon.program.send(SIGTERM)
        for _ in 0..<101 {
            let reply = try await client.nextObject()
            // The lookup may have ended, and hello may have been answered, before the daemon stopped.
            let code = try reply.object("error")?.integer("code", as: Int.self)
            #expect(
                try code == Self.stopping || code == RPCError.Code.unavailable.value
                    || reply.object("result") != nil)
        }
        await #expect(throws: (any Error).self, "closed after the last reply") {
            try await client.nextObject()
        }
        #expect(try await daemon.program.exit().code == 0)
    }

    @Test func `The classification of a long file is interrupted with an answer when the daemon stops`()
        async throws
    {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let daemon = try await RunningDaemon.start(["--source", "file:\(silence)"], in: folder)
        let client = try await connect(daemon)
        try client.send("classify", #"{"path":"\#(silence)","hop":0.01,"top_k":1}"#)
        // The first window: the request is in progress.
        #expect(try await client.nextObject().string("method") == "window")
        daemon.program.send(SIGTERM)
        while true {
            let message = try await client.nextObject()
            guard try message.string("method") == nil else { continue }
            #expect(try message.requiredObject("error").integer("code", as: Int.self) == Self.stopping)
            break
        }
        #expect(try await daemon.program.exit().code == 0)
    }

    @Test func `Adapters that are being loaded and used when the daemon stops have an answer`() async throws {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let daemon = try await RunningDaemon.start(["--source", "file:\(silence)"], in: folder)
        let adapter = Astd.repository + "/Tests/Golden/adapters/modern-qv"
        let clients = [try await connect(daemon), try await connect(daemon)]
        for client in clients {
            for _ in 0..<20 {
                try client.send("adapter.load", #"{"path":"\#(adapter)"}"#)
                try client.send("adapter.use", #"{"names":["modern-qv"]}"#)
            }
        }
        _ = try await clients[0].nextObject()
        daemon.program.send(SIGTERM)
        for (index, client) in clients.enumerated() {
            for _ in (index == 0 ? 1 : 0)..<40 {
                let reply = try await client.nextObject()
                guard let error = try reply.object("error") else { continue }
                #expect(try error.integer("code", as: Int.self) == Self.stopping, "\(error)")
            }
        }
        #expect(try await daemon.program.exit().code == 0)
    }
}
