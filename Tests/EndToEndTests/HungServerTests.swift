import TestSupport
import Testing
import TextSupport
import Wire

/// A sound server that accepts connections and never answers.
@Suite(.timeLimit(.minutes(10)))
struct HungServerTests {
    @Test func `Requests for the sources of a hung server do not delay a request for the status`()
        async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(["--source", "pulse:\(PulseServer.monitor)"], in: folder)
        _ = try await daemon.listen().next {
            $0.source?.state == .healthy || $0.prediction != nil ? true : nil
        }
        server.suspend()
        defer { server.resume() }

        // More requests than the cooperative pool has threads on most machines; each lookup takes two seconds to fail.
        let lookups = try (0..<16).map { _ in try daemon.control() }
        for client in lookups {
            _ = try await client.nextObject()  // The hello record.
            try client.send("sources")
        }
        let client = try daemon.control()
        _ = try await client.nextObject()
        try client.send("status")
        let reply = try await client.nextObject()
        _ = try StatusReport(reply.requiredObject("result"))
        for client in lookups {
            #expect(!client.hasReceived, "a lookup ended before the status")
        }
        // They share one lookup, so all of them end with it.
        for client in lookups {
            let error = try await client.nextObject().requiredObject("error")
            #expect(try error.integer("code", as: Int.self) == RPCError.Code.unavailable.value)
        }
    }
}
