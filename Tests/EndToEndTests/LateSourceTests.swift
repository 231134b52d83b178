import TestSupport
import Testing
import Wire

/// A daemon that starts before its source exists.
@Suite(.timeLimit(.minutes(10)))
struct LateSourceTests {
    @Test func `Without a PulseAudio server astd serves clients, and connects when a server appears`()
        async throws
    {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1"], in: folder)
        let client = try daemon.subscribe()
        let lost = try await client.next { $0.source }
        #expect(lost.state == .lost)
        #expect(lost.message?.contains("no PulseAudio server") == true)
        #expect(lost.message?.contains("start") == true)
        #expect(lost.message?.contains("\(folder.path)/pulse/native") == true, "\(lost.message ?? "")")
        var status = try await daemon.status()
        #expect(status.state == .waiting)
        #expect(status.source?.state == .lost)
        #expect(try daemon.program.standardError().contains("no PulseAudio server answers"))

        let server = try await PulseServer(in: folder)
        // The stream starts with the first sample; a busy machine may skip its first window.
        #expect(try await client.next { $0.prediction?.startSample ?? $0.gap?.startSample } == 0)
        status = try await daemon.status()
        #expect(status.state == .listening)
        #expect(status.source?.state == .healthy)
        #expect(status.counters.lostSamples == 0)
        let lines = daemon.notifications.received().filter { $0.hasPrefix("STATUS=") }
        // A busy machine may skip windows, which the line adds.
        #expect(lines.last?.hasPrefix("STATUS=listening to pulse:exact.monitor") == true, "\(lines)")
        withExtendedLifetime(server) {}
    }

    @Test func `The status line in systemd follows the source`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(["--source", "pulse:*theremin*"], in: folder)
        let client = try daemon.subscribe()
        let lost = try await client.next { $0.source }
        #expect(lost.state == .lost)
        #expect(lost.message?.contains("exact.monitor") == true)
        try await server.load(sink: "sink_name=theremin norewinds=1")
        _ = try await client.next { $0.source?.state == .healthy ? true : nil }
        try await server.unload(sink: "theremin")
        let gone = try await client.next { $0.source?.state == .lost ? $0.source : nil }
        #expect(gone.name == "pulse:theremin.monitor")
        // What astd waits for now.
        let reason = "no PulseAudio source matches *theremin*"
        _ = try await client.next { $0.source?.message?.hasPrefix(reason) == true ? true : nil }
        try await server.load(sink: "sink_name=theremin norewinds=1")
        _ = try await client.next { $0.source?.state == .healthy ? true : nil }
        var lines: [String] = []
        let listening = "STATUS=listening to pulse:theremin.monitor"
        try await eventually("the status line of the second recovery") {
            lines += daemon.notifications.received().filter { $0.hasPrefix("STATUS=") }
            return lines
        } until: {
            $0.filter { $0 == listening }.count == 2
        }
        try #require(lines.count > 2)
        #expect(lines[1] == listening)
        #expect(
            lines[2].hasPrefix("STATUS=not listening: theremin.monitor stopped delivering audio"), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("STATUS=not listening: \(reason)") }, "\(lines)")
        #expect(lines.last == listening)
        withExtendedLifetime(server) {}
    }
}
