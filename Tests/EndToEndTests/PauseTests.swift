import TestSupport
import Testing
import Wire

/// Pausing a daemon, and the reports about its source.
@Suite(.timeLimit(.minutes(10)))
struct PauseTests {
    @Test func `A paused daemon records nothing, and the gap after resume has the length of the pause`()
        async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1"], in: folder)
        let client = try daemon.listen()
        var reached = try await client.nextPrediction().endSample
        #expect(try await server.recorders().count == 1)

        let paused = try await daemon.astctl("pause")
        #expect(paused.code == 0)
        #expect(paused.lines == ["paused: nothing is recorded"])
        let record = try await client.next("the paused source") { record in
            if let prediction = record.prediction { reached = max(reached, prediction.endSample) }
            return record.source?.state == .paused ? record.source : nil
        }
        #expect(record.name == "pulse:exact.monitor")
        try await eventually("a server without recorders") {
            try await server.recorders()
        } until: {
            $0.isEmpty
        }
        var status = try await daemon.status()
        #expect(status.state == .paused)
        #expect(status.source?.state == .paused)
        #expect(try await daemon.astctl("metrics").lines.contains("astd_source_paused 1"))
        // A second passes on the server.
        try await server.play([Float](repeating: 0.1, count: 16_000), to: PulseServer.sink)

        #expect(try await daemon.astctl("resume").code == 0)
        // The samples before the pause that were too few for another window come first.
        let gap = try await client.next("the gap of the pause") { record -> Gap? in
            if let prediction = record.prediction { reached = max(reached, prediction.endSample) }
            guard let gap = record.gap else { return nil }
            #expect(gap.startSample <= reached, "samples without a window or a gap")
            reached = max(reached, gap.endSample)
            return gap.reason == .paused ? gap : nil
        }
        #expect(gap.endSample - gap.startSample >= 16_000, "\(gap)")
        // The windows start again after the gap; a busy machine may skip the first of them.
        let next = try await client.next("what follows the gap") {
            $0.prediction?.startSample ?? $0.gap?.startSample
        }
        #expect(next == gap.endSample)
        status = try await daemon.status()
        #expect(status.state == .listening)
        #expect(status.counters.lostSamples == 0)
        #expect(status.counters.pausedSamples == UInt64(gap.endSample - gap.startSample))
        #expect(try await daemon.astctl("metrics").lines.contains("astd_source_reconnects_total 0"))
        withExtendedLifetime(server) {}
    }

    @Test func `A pause survives kill -9: the microphone stays closed until resume, which survives, too`()
        async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let arguments = ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1"]
        var daemon = try await RunningDaemon.start(arguments, in: folder)
        _ = try await daemon.listen().nextPrediction()
        #expect(try await daemon.astctl("pause").code == 0)
        daemon.program.kill()

        daemon = try await RunningDaemon.start(arguments, in: folder)
        let client = try daemon.listen()
        guard case .hello(let hello)? = try await client.next(),
            case .source(let source)? = try await client.next()
        else { throw TestFailure("the source does not follow hello") }
        #expect(source.state == .paused && source.message?.hasPrefix("before the restart, since 20") == true)
        #expect(hello.paused == source.message)
        let status = try await daemon.statusText()
        #expect(status.contains("\(source.name), paused: \(source.message ?? "")\n"), "\(status)")
        // Half a second passes on the server.
        try await server.play([Float](repeating: 0.1, count: 8_000), to: PulseServer.sink)
        #expect(try await server.recorders().isEmpty)
        #expect(try await daemon.status().counters.windows == 0)
        let log = try daemon.program.standardError()
        #expect(log.contains("is paused: before the restart, since 20") && !log.contains("healthy"), "\(log)")

        #expect(try await daemon.astctl("resume").code == 0)
        _ = try await client.nextPrediction()
        daemon.program.kill()
        daemon = try await RunningDaemon.start(arguments, in: folder)
        _ = try await daemon.listen().nextPrediction()
        withExtendedLifetime(server) {}
    }

    @Test func `A pause that cannot be kept is an error, and nothing is recorded all the same`() async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        // A path through a file: not even root can create it, or knows what it holds.
        let file = try folder.write("", to: "file")
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1", "--state-dir", file + "/astd"],
            in: folder)
        let unknown = try await daemon.status().source
        #expect(unknown?.state == .paused)
        #expect(unknown?.message?.hasPrefix("cannot read \(file)/astd/pauses.json: Not a directory") == true)
        #expect(try await server.recorders().isEmpty)

        let resumed = try await daemon.astctl("resume")
        #expect(resumed.code == 1)
        #expect(
            resumed.errorLines.joined().contains(
                "resumed, but a restart would pause again: cannot create \(file)/astd"))
        _ = try await daemon.listen().nextPrediction()
        let paused = try await daemon.astctl("pause")
        #expect(paused.code == 1)
        #expect(
            paused.errorLines.joined().contains(
                "paused, but a restart would end the pause: cannot create \(file)/astd"))
        #expect(try await daemon.status().state == .paused)
        try await eventually("a server without recorders") { try await server.recorders().isEmpty }
    }

    @Test func `Digital silence is reported to clients and in the metrics file`() async throws {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let metrics = folder.file("astd.prom")
        let daemon = try await RunningDaemon.start(
            [
                "--source", "file:\(silence)", "--hop", "10", "--set", "muted_after=1", "--set",
                "metrics.file=\(metrics)",
                "--set", "metrics.interval=1",
            ], in: folder)
        // Receives earlier records, too.
        let client = try daemon.subscribe()
        let warning = try await client.next { record in record.source.flatMap { $0.message == nil ? nil : $0 }
        }
        #expect(warning.state == .healthy)
        #expect(warning.message?.contains("muted") == true)
        try await eventually("the metrics of a muted microphone") {
            let bytes = TestFolder.exists(metrics) ? try TestFolder.bytes(of: metrics) : []
            return String(decoding: bytes, as: UTF8.self).contains("\nastd_source_muted 1\n") ? () : nil
        }
        withExtendedLifetime(daemon) {}
    }
}
