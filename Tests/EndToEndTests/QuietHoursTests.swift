import TestSupport
import Testing
import Wire

/// Quiet hours of a daemon whose wall clock is set.
@Suite(.timeLimit(.minutes(10))) struct QuietHoursTests {
    /// 2027-03-28, when 02:00 CET is followed by 03:00 CEST.
    private static let toSummerTime = 1_806_195_600
    /// 2027-10-31, when 03:00 CEST is followed by 02:00 CET.
    private static let fromSummerTime = 1_824_944_400
    private static let day = 86_400

    /// Waits until the source is paused or healthy.
    private static func wait(_ client: RecordClient, _ state: SourceRecord.State) async throws -> String? {
        try await client.next("the state \(state)") { record in
            record.source.flatMap { $0.state == state ? .some($0.message) : nil }
        }
    }

    @Test func `The microphone is closed in quiet hours, across both changes of summer time and clock jumps`()
        async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let clock = try await FalseClock(zone: "Europe/Berlin", in: folder)
        let config = try folder.write("muted_after: 0\nquiet_hours: ['02:30-03:30']\n", to: "astd.yaml")
        let arguments = [
            "--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1", "--config", config,
        ]
        // Ten to two.
        clock.set(Self.toSummerTime - 600)
        var daemon = try await RunningDaemon.start(arguments, environment: clock.environment, in: folder)
        var client = try daemon.listen()
        _ = try await client.nextPrediction()

        // Within two seconds the wall shows 03:00 after 01:59.
        clock.set(Self.toSummerTime - 2)
        #expect(try await Self.wait(client, .paused) == "quiet hours until 03:30")
        try await eventually("a server without recorders") { try await server.recorders().isEmpty }
        let status = try await daemon.astctl("status").lines
        #expect(status.contains { $0.hasSuffix(", paused: quiet hours until 03:30") }, "\(status)")
        #expect(try daemon.program.standardError().contains("is paused: quiet hours until 03:30"))
        clock.set(Self.toSummerTime + 1800 - 2)
        // Under load the samples are read before the state is published.
        var (isHealthy, gap): (Bool, Gap?) = (false, nil)
        _ = try await client.next("the source and the gap") { record -> Bool? in
            if record.source?.state == .healthy { isHealthy = true }
            if let found = record.gap, found.reason == .paused { gap = found }
            return isHealthy && gap != nil ? true : nil
        }
        #expect(gap.map { $0.endSample > $0.startSample } == true)

        // From 02:30 CEST to 03:30 CET: two hours.
        clock.set(Self.fromSummerTime - 1800 - 2)
        #expect(try await Self.wait(client, .paused) == "quiet hours until 03:30")
        clock.set(Self.fromSummerTime + 5400 - 2)
        _ = try await Self.wait(client, .healthy)

        // A jump into the next day's; a client that resumes in them does so until their end.
        clock.set(Self.fromSummerTime + Self.day + 3600)
        #expect(try await Self.wait(client, .paused) == "quiet hours until 03:30")
        #expect(try await daemon.astctl("resume").code == 0)
        _ = try await Self.wait(client, .healthy)
        clock.set(Self.fromSummerTime + 2 * Self.day + 3600)
        #expect(try await Self.wait(client, .paused) == "quiet hours until 03:30")

        // A daemon that starts in them opens nothing.
        daemon.program.kill()
        daemon = try await RunningDaemon.start(arguments, environment: clock.environment, in: folder)
        client = try daemon.listen()
        guard case .hello(let hello)? = try await client.next() else { throw TestFailure("no hello") }
        #expect(hello.paused == "quiet hours until 03:30")
        #expect(try await server.recorders().isEmpty)
        #expect(try !daemon.program.standardError().contains("healthy"))
        // A reload ends them.
        _ = try folder.write("muted_after: 0\nquiet_hours: ['12:00-13:00']\n", to: "astd.yaml")
        let reload = try await daemon.astctl("reload")
        #expect(reload.lines.first == "changed quiet_hours: 02:30-03:30 -> 12:00-13:00")
        _ = try await client.nextPrediction()
        #expect(try await daemon.status().source?.state == .healthy)
    }
}
