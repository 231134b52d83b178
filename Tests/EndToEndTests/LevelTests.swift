import TestSupport
import Testing
import Wire

/// The level of a microphone, in records and in the metrics.
@Suite(.timeLimit(.minutes(10))) struct LevelTests {
    @Test func `A loud sound begins and ends with level records, and the metrics have its level`()
        async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let config = try folder.write("muted_after: 0\nlevel: {above: -20, seconds: 0.2}\n", to: "astd.yaml")
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1", "--config", config], in: folder)
        let client = try daemon.listen()
        func level() async throws -> LevelRecord {
            try await client.next("a level record") { if case .level(let level) = $0 { level } else { nil } }
        }
        _ = try await client.nextPrediction()
        #expect(try await daemon.astctl("metrics").lines.contains("astd_level_dbfs -Inf"))
        // Two seconds of 500 Hz at -6.02 dBFS.
        try await server.play((0..<32_000).map { $0 / 16 % 2 == 0 ? 0.5 : -0.5 }, to: PulseServer.sink)
        let begin = try await level()
        #expect(begin.state == .begin && begin.levelDBFS >= -20)
        #expect(begin.endSample - begin.startSample == 3_200)
        let end = try await level()
        #expect(end.state == .end && end.startSample == begin.startSample && end.endSample >= begin.endSample)
        #expect(end.levelDBFS >= begin.levelDBFS && abs(end.levelDBFS + 6.02) < 0.2, "\(end)")
        // A reload applies another limit at once.
        _ = try folder.write("muted_after: 0\nlevel: {above: -90, seconds: 0.2}\n", to: "astd.yaml")
        #expect(try await daemon.astctl("reload").lines.first == "changed level.above: -20 -> -90")
        let player = try server.play(
            try folder.write(SeededClip.wav([Int16](repeating: 20, count: 160_000)), to: "quiet.wav"))
        #expect(try await level().state == .begin)
        #expect(try await daemon.astctl("pause").code == 0)
        #expect(try await level().state == .end)
        #expect(try await daemon.astctl("metrics").lines.contains("astd_level_dbfs NaN"))
        player.kill()
    }
}
