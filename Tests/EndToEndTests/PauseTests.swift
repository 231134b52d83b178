import Glibc
import TestSupport
import Testing
import Wire

/// What a running daemon is told, and tells, between its predictions.
@Suite(.timeLimit(.minutes(10)))
struct PauseTests {
    @Test func `Paused, nobody records; resumed, the gap says how long that was`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1"], in: folder)
        let client = try daemon.listen()
        var reached = try await client.nextPrediction().endSample
        #expect(try await server.recorders().count == 1)

        let paused = try await daemon.astctl("pause")
        #expect(paused.code == 0 && paused.lines == ["paused: nothing is recorded"])
        let told = try await client.next { record in
            if let prediction = record.prediction { reached = max(reached, prediction.endSample) }
            return record.source
        }
        #expect(told.state == .paused && told.name == "exact.monitor")
        try await eventually("the end of the recording") { try await server.recorders().isEmpty ? () : nil }
        var status = try await daemon.status()
        #expect(status.state == "paused" && status.source.state == .paused)
        #expect(try await daemon.astctl("metrics").lines.contains("astd_source_paused 1"))
        // At least a second, and until what was heard before is classified.
        try await Task.sleep(for: .seconds(1))
        try await eventually("no more windows") {
            let windows = try await daemon.status().windows
            try await Task.sleep(for: .milliseconds(500))
            return try await daemon.status().windows == windows ? () : nil
        }

        #expect(try await daemon.astctl("resume").code == 0)
        // What was heard before the pause and was too short for another window is told first.
        let gap = try await client.next { record -> Gap? in
            if let prediction = record.prediction { reached = max(reached, prediction.endSample) }
            guard let gap = record.gap else { return nil }
            #expect(gap.startSample <= reached, "samples that nothing was told of")
            reached = max(reached, gap.endSample)
            return gap.reason == .paused ? gap : nil
        }
        #expect(gap.endSample - gap.startSample >= 16_000, "\(gap)")
        // The windows begin anew; a slow machine may skip the first of them.
        #expect(try await client.next { $0.prediction?.startSample ?? $0.gap?.startSample } == gap.endSample)
        status = try await daemon.status()
        #expect(status.state == "listening" && status.lostSamples == 0)
        #expect(status.pausedSamples == UInt64(gap.endSample - gap.startSample))
        #expect(try await daemon.astctl("metrics").lines.contains("astd_source_reconnects_total 0"))
        withExtendedLifetime(server) {}
    }

    @Test func `Digital silence is warned about, and the metrics are in the file`() async throws {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let metrics = folder.file("astd.prom")
        let daemon = try await RunningDaemon.start(
            [
                "--source", "file:\(silence)", "--hop", "10", "--set", "muted_after=1", "--set",
                "metrics.file=\(metrics)",
                "--set", "metrics.interval=1",
            ], in: folder)
        // Gets what was said before, too.
        let client = try daemon.subscribe()
        let warning = try await client.next { record in record.source.flatMap { $0.message == nil ? nil : $0 }
        }
        #expect(warning.state == .healthy && warning.message?.contains("muted") == true)
        try await eventually("the metrics of a muted microphone") {
            let bytes = TestFolder.exists(metrics) ? try TestFolder.bytes(of: metrics) : []
            return String(decoding: bytes, as: UTF8.self).contains("\nastd_source_muted 1\n") ? () : nil
        }
        withExtendedLifetime(daemon) {}
    }
}
