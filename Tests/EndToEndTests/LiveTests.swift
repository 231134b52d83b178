import Glibc
import TestSupport
import Testing
import Wire

/// The daemon on a real PulseAudio server, seen through its sockets and through astctl.
@Suite(.timeLimit(.minutes(10)))
struct LiveTests {
    @Test func `A client of events.sock receives hello and then a prediction per hop`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.25"], in: folder)
        let client = try daemon.listen()
        let first = try await client.next()
        guard case .hello(let hello) = first else {
            Issue.record("the first record is \(String(describing: first))")
            return
        }
        #expect(hello.model == "stride10")
        #expect(hello.labels == 12)
        #expect(hello.window == Astd.modelWindowSeconds)
        #expect(hello.hop == 0.25)
        let predictions = [
            try await client.nextPrediction(), try await client.nextPrediction(),
            try await client.nextPrediction(),
        ]
        for prediction in predictions {
            #expect(prediction.startSample % 4000 == 0)
            #expect(prediction.endSample - prediction.startSample == Astd.modelWindowSamples)
            #expect(prediction.labels.count == 5)
        }
        #expect(predictions[1].seq == predictions[0].seq + 1)
        #expect(predictions[1].startSample > predictions[0].startSample)
        withExtendedLifetime(server) {}
    }

    @Test func `astctl shows the status, the labels, the sources and the predictions`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1"], in: folder)

        let watched = try await daemon.astctl("watch", "--count", "3", "--top-k", "2")
        #expect(watched.code == 0)
        let predictions = try watched.lines.compactMap { try LiveRecord(line: Array($0.utf8)).prediction }
        #expect(predictions.count == 3)
        #expect(predictions.allSatisfy { $0.labels.count == 2 })

        let status = try await daemon.status()
        #expect(status.pid == Int(daemon.program.identifier))
        #expect(status.counters.windows >= 3)
        #expect(status.source?.state == .healthy)
        #expect(status.source?.name == "pulse:exact.monitor")
        let text = try await daemon.astctl("status")
        #expect(text.code == 0)
        #expect(text.lines.contains { $0.hasPrefix("model") && $0.contains("stride10, 12 labels") })
        #expect(text.lines.contains { $0.hasPrefix("scores   softmax: no problem_type") })

        let labels = try await daemon.astctl("labels")
        #expect(labels.code == 0)
        #expect(labels.lines.count == 12)
        #expect(labels.lines.first == " 0  Speech")
        let sources = try await daemon.astctl("sources")
        #expect(sources.lines.contains { $0.hasPrefix("* pulse:exact.monitor") })
        withExtendedLifetime(server) {}
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `SIGTERM and SIGINT end the daemon, its clients and its socket files`(signal: Int32) async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(["--source", "pulse:\(PulseServer.monitor)"], in: folder)
        let client = try daemon.listen()
        _ = try await client.next()
        daemon.program.send(signal)
        let result = try await daemon.program.exit()
        #expect(result.code == 0)
        _ = try await client.rest()
        #expect(daemon.notifications.received().contains("STOPPING=1"))
        #expect(!TestFolder.exists(folder.file(RunningDaemon.control)))
        #expect(!TestFolder.exists(folder.file(RunningDaemon.events)))
        withExtendedLifetime(server) {}
    }

    @Test func `The socket files of a killed daemon are replaced by the next one`() async throws {
        let folder = try TestFolder()
        let arguments = ["--source", "file:\(try SeededClip.longSilence(in: folder))"]
        let killed = try await RunningDaemon.start(arguments, in: folder)
        killed.program.kill()
        #expect(TestFolder.exists(folder.file(RunningDaemon.control)))
        let next = try await RunningDaemon.start(arguments, in: folder)
        #expect(try await next.status().pid == Int(next.program.identifier))
    }

    @Test func `astctl without a daemon exits with 3 and says how to start one`() async throws {
        let folder = try TestFolder()
        for verb in ["status", "watch", "labels", "sources"] {
            let result = try await Astd.run(["astctl", verb], in: folder)
            #expect(result.code == 3)
            #expect(result.errorLines.count == 1)
            #expect(result.errorLines.first?.contains("start it with `astd run`") == true)
        }
    }

    @Test func `astctl says that the process of a daemon is stopped, and how to continue it`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            ["--source", "file:\(try SeededClip.longSilence(in: folder))"], in: folder)
        daemon.program.send(SIGSTOP)
        defer { daemon.program.send(SIGCONT) }
        let result = try await daemon.astctl("status", "--timeout", "0.1")
        #expect(result.code == 4)
        let advice = "continue it with `kill -CONT \(daemon.program.identifier)`"
        #expect(result.errorLines.first?.contains(advice) == true, "\(result.errorLines)")
    }

    @Test func `astctl watch reports that the daemon does not answer, and that it answers again`()
        async throws
    {
        let folder = try TestFolder()
        // Nothing but the state is published: a silent daemon is not one that hangs.
        let daemon = try await RunningDaemon.start(
            ["--source", "command:sleep 1000"], in: folder)
        let watcher = try Astd.start(
            ["astctl", "watch", "--socket", folder.file(RunningDaemon.control)], in: folder)
        func errors(with what: String) async throws {
            try await eventually(what) {
                try watcher.standardError()
            } until: {
                $0.contains(what)
            }
        }
        try await errors(with: "is lost")
        daemon.program.send(SIGSTOP)
        let process = daemon.program.identifier
        try await errors(with: "the daemon does not answer: its process \(process) is stopped")
        daemon.program.send(SIGCONT)
        try await errors(with: "the daemon answers again")
        watcher.kill()
    }

    @Test func `A stopped daemon reports the windows it skipped and continues`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.05"], in: folder)
        let client = try daemon.listen()
        var last = try await client.nextPrediction()
        daemon.program.send(SIGSTOP)
        // Two seconds of the server's time: forty hops. The capture buffer holds ten seconds.
        try await server.play([Float](repeating: 0.1, count: 32_000), to: PulseServer.sink)
        daemon.program.send(SIGCONT)
        // The server delivers what it has captured in pieces, so there may be several gaps.
        var skipped: Int64 = 0
        let gap = try await client.next("gaps of skipped windows, half a second in all") { record -> Gap? in
            if let prediction = record.prediction {
                #expect(prediction.startSample > last.startSample)
                last = prediction
            }
            if let source = record.source {
                #expect(source.state != .lost, "the daemon stopped, not the source")
            }
            guard let gap = record.gap, gap.reason == .skipped else { return nil }
            skipped += gap.endSample - gap.startSample
            return skipped >= 8_000 ? gap : nil
        }
        let after = try await client.nextPrediction()
        // The gap lies between the windows on either side of it; its first frame may be shared.
        #expect(gap.startSample >= last.endSample - 400)
        #expect(gap.endSample < after.endSample)
        #expect(after.startSample > last.startSample)
        // Windows start at multiples of the hop.
        #expect(after.startSample % 800 == 0)
        let following = try await client.nextPrediction()
        #expect(following.startSample > after.startSample)
        let status = try await daemon.status()
        #expect(status.counters.skippedWindows >= 10)
        #expect(status.counters.overrunSamples == 0)
        withExtendedLifetime(server) {}
    }
}
