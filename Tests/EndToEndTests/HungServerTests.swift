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

        // A lookup fails after two seconds. A machine that is too busy for a reply in that time is given
        // another chance; a status that waits for the lookups never comes first.
        try await eventually(
            "a status before the end of the lookups", that: { try await Self.isStatusFirst(daemon) })
    }

    /// Whether the daemon replies to `status` while it looks for sources.
    private static func isStatusFirst(_ daemon: RunningDaemon) async throws -> Bool {
        // More requests than the cooperative pool has threads on most machines.
        let lookups = try (0..<16).map { _ in try daemon.control() }
        let client = try daemon.control()
        for connected in lookups + [client] {
            _ = try await connected.nextObject()  // The hello record.
            // The records of the current state precede the reply.
            try connected.send("hello")
            _ = try await connected.nextObject()
        }
        for lookup in lookups { try lookup.send("sources") }
        try client.send("status")
        let reply = try await client.nextObject()
        let isFirst = lookups.allSatisfy { !$0.hasReceived }
        _ = try StatusReport(reply.requiredObject("result"))
        // They share one lookup, so all of them end with it.
        for lookup in lookups {
            let error = try await lookup.nextObject().requiredObject("error")
            #expect(try error.integer("code", as: Int.self) == RPCError.Code.unavailable.value)
        }
        return isFirst
    }
}
