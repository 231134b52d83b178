import TestSupport
import Testing
import Wire

/// A daemon that starts before there is anything to listen to.
@Suite(.timeLimit(.minutes(10)))
struct LateSourceTests {
    @Test func `Without a PulseAudio server it serves, says so, and listens when one comes`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1"], in: folder)
        let client = try daemon.subscribe()
        let lost = try await client.next { $0.source }
        #expect(lost.state == .lost)
        #expect(
            lost.message?.contains("no PulseAudio server") == true && lost.message?.contains("start") == true)
        var status = try await daemon.status()
        #expect(status.state == "waiting" && status.source.state == .lost)
        #expect(try daemon.program.standardError().contains("no PulseAudio server answers"))

        let server = try await PulseServer(in: folder)
        // The stream begins with the first sample that is heard; a slow machine may skip its first window.
        #expect(try await client.next { $0.prediction?.startSample ?? $0.gap?.startSample } == 0)
        status = try await daemon.status()
        #expect(status.state == "listening" && status.source.state == .healthy && status.lostSamples == 0)
        let told = daemon.notifications.received().filter { $0.hasPrefix("STATUS=") }
        #expect(told.last == "STATUS=listening to exact.monitor", "\(told)")
        withExtendedLifetime(server) {}
    }

    @Test func `systemd is told that the source is lost, and that it is back`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(["--source", "pulse:*theremin*"], in: folder)
        let client = try daemon.subscribe()
        let lost = try await client.next { $0.source }
        #expect(lost.state == .lost && lost.message?.contains("exact.monitor") == true)
        try await server.load(sink: "sink_name=theremin norewinds=1")
        _ = try await client.next { $0.source?.state == .healthy ? true : nil }
        try await server.unload(sink: "theremin")
        let gone = try await client.next { $0.source?.state == .lost ? $0.source : nil }
        #expect(gone.name == "theremin.monitor")
        try await server.load(sink: "sink_name=theremin norewinds=1")
        _ = try await client.next { $0.source?.state == .healthy ? true : nil }
        var told: [String] = []
        try await eventually("the last of systemd's messages") {
            told += daemon.notifications.received().filter { $0.hasPrefix("STATUS=") }
            return told.count >= 5 ? () : nil
        }
        let line = "STATUS=listening to theremin.monitor"
        #expect(told[1] == line && told[4] == line, "\(told)")
        #expect(
            told[2].hasPrefix("STATUS=not listening: theremin.monitor gives no sound any more"), "\(told)")
        withExtendedLifetime(server) {}
    }
}
