import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// What the daemon says about a source that delivers nothing, to clients that arrive then.
@Suite(.timeLimit(.minutes(10)))
struct SourceTruthTests {
    /// What clients that arrive now receive.
    private struct Answers {
        /// After hello on events.sock, and after `subscribe`.
        var records: [SourceRecord] = []
        var status: StatusReport
        var statusText: String
        var explanation: ExplainReport
        var explainText: String
        var metrics: [String]
    }

    private static func ask(_ daemon: RunningDaemon) async throws -> Answers {
        var answers = Answers(
            status: try await daemon.status(),
            statusText: try await daemon.statusText(),
            explanation: try ExplainReport(
                JSONObject(parsing: try await daemon.astctl("explain", "Speech", "--json").output)),
            explainText: try await daemon.astctl("explain", "Speech").lines.joined(separator: "\n"),
            metrics: try await daemon.astctl("metrics").lines)
        let listener = try daemon.listen()
        guard case .hello? = try await listener.next(), case .source(let first)? = try await listener.next()
        else {
            throw TestFailure("the source does not follow hello")
        }
        let subscriber = try RecordClient(daemon.folder.file(RunningDaemon.control))
        guard case .hello? = try await subscriber.next(),
            case .source(let second)? = try await subscriber.next()
        else { throw TestFailure("the source does not follow hello on astd.sock") }
        try await subscriber.ask("subscribe", #"{"types":["source"]}"#)
        let third = try await subscriber.next { $0.source }
        answers.records = [first, second, third]
        return answers
    }

    private static let source = ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.1"]

    /// Rules with which every window is a hit for one label.
    private static func oneEvent(in folder: TestFolder) throws -> [String] {
        let text = "activation: none\ndetection: {on: -100, allow: [Speech]}\n"
        return ["--config", try folder.write(text.utf8, to: "astd.yaml")]
    }

    @Test func `A client that arrives after the loss of the server sees it everywhere, with the reason`()
        async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(Self.source, in: folder)
        _ = try await daemon.listen().nextPrediction()
        server.kill()
        let reason = "no PulseAudio server answers at \(folder.path)/pulse/native (Connection refused)"
        let witness = try daemon.listen()
        _ = try await witness.next("the loss") { $0.source?.message?.contains(reason) == true ? true : nil }

        let answers = try await Self.ask(daemon)
        for record in answers.records {
            #expect(record.state == .lost && record.message?.contains(reason) == true, "\(record)")
        }
        #expect(answers.status.state == .waiting && answers.status.source?.state == .lost)
        #expect(answers.status.source?.message == answers.records[0].message)
        #expect(answers.statusText.contains("pulse:exact.monitor, lost: \(reason)"), "\(answers.statusText)")
        #expect(answers.explanation.state == .lost)
        #expect(answers.explainText.contains(reason) && !answers.explainText.contains("none"))
        #expect(answers.metrics.contains(#"astd_source_state{state="lost"} 1"#))
        var lines: [String] = []
        try await eventually("the status line in systemd") {
            lines += daemon.notifications.received()
            return lines.last
        } until: {
            $0?.hasPrefix("STATUS=not listening: \(reason)") == true
        }

        // In a pipe, `watch` and `top` say what they wait for, and print as soon as there is something.
        let socket = folder.file(RunningDaemon.control)
        let programs = [
            try Astd.start(["astctl", "watch", "--count", "1", "--socket", socket], in: folder),
            try Astd.start(["astctl", "top", "-n", "1", "--socket", socket], in: folder),
        ]
        for program in programs {
            try await eventually("the reason on standard error") {
                try program.standardError()
            } until: {
                $0.contains("astctl: source pulse:exact.monitor is lost: \(reason)")
            }
        }
        try await server.start()
        let watched = try await programs[0].exit()
        #expect(watched.code == 0 && watched.lines.count == 1)
        #expect(try LiveRecord(line: Array((watched.lines.first ?? "").utf8)).prediction != nil)
        #expect(try await programs[1].exit().code == 0)
    }

    @Test func `Paused, muted and gated sources are reported as such to whoever arrives`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let settings = try folder.write("muted_after: 0\n".utf8, to: "astd.yaml")
        let daemon = try await RunningDaemon.start(
            Self.source + ["--gate", "-60", "--config", settings], in: folder)
        let client = try daemon.listen()
        // A null sink to which nothing is played delivers digital silence.
        _ = try await client.next("the closed gate") {
            $0.source?.message?.contains("gate") == true ? true : nil
        }
        #expect(try await daemon.status().source?.message?.contains("gate") == true)
        try folder.write("muted_after: 2\n".utf8, to: "astd.yaml")
        #expect(try await daemon.astctl("reload").code == 0)
        _ = try await client.next("the muted source") {
            $0.source?.message?.contains("muted") == true ? true : nil
        }
        var answers = try await Self.ask(daemon)
        for record in answers.records {
            #expect(record.state == .healthy && record.message?.contains("muted") == true, "\(record)")
        }
        #expect(answers.statusText.contains("is the microphone muted?"))
        #expect(answers.explanation.state == .quiet)
        #expect(
            answers.metrics.contains("astd_source_muted 1") && answers.metrics.contains("astd_source_gated 1")
        )

        #expect(try await daemon.astctl("pause").code == 0)
        answers = try await Self.ask(daemon)
        for record in answers.records {
            #expect(record.state == .paused && record.message?.contains("resume") == true, "\(record)")
        }
        #expect(answers.statusText.contains(", paused: nothing is recorded"))
        #expect(answers.explanation.state == .paused)
        #expect(answers.explainText.hasPrefix("Speech: paused, source pulse:exact.monitor is paused"))

        // Sound ends both.
        #expect(try await daemon.astctl("resume").code == 0)
        let player = try server.play(Astd.clip)
        _ = try await client.next("the end of the silence") { $0.source?.isFine == true ? true : nil }
        _ = try await player.exit()
    }

    /// How a source disappears.
    enum Loss: String, CaseIterable, Sendable { case killed, hung, unplugged }

    @Test(arguments: Loss.allCases)
    func `An event of a source that is gone ends without its return`(loss: Loss) async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            try Self.source + Self.oneEvent(in: folder), in: folder)
        let client = try daemon.listen()
        // An event that began before the client came is reported to it, too, before the first prediction.
        var last: Prediction?
        let begin = try await client.next("the begin") { record -> EventRecord? in
            if let prediction = record.prediction { last = prediction }
            return record.event
        }
        // A client that arrives now receives the event in progress.
        let late = try daemon.listen()
        #expect(try await late.next { $0.event }.id == begin.id)
        switch loss {
        case .killed: server.kill()
        case .hung: server.suspend()
        case .unplugged: try await server.unload(sink: PulseServer.sink)
        }
        let end = try await client.next("the end") { record -> EventRecord? in
            if let prediction = record.prediction { last = prediction }
            return record.event
        }
        #expect(end.state == .end && end.id == begin.id)
        // Where it was last heard: at the end of the last window. The times of two records differ by the
        // jitter of the samples between them.
        let heard = try #require(last)
        #expect(abs(end.time.unixNanos - heard.time.unixNanos) < 200_000_000)
        try await eventually("the loss in status") {
            try await daemon.status().source?.state
        } until: {
            $0 == .lost
        }
        let explained = try ExplainReport(
            JSONObject(parsing: try await daemon.astctl("explain", "Speech", "--json").output))
        #expect(explained.state == .lost && explained.event == nil)
        // Nothing is open for a client that arrives now.
        let subscriber = try daemon.control()
        try await subscriber.ask("subscribe", #"{"types":["event"]}"#)
        switch loss {
        case .killed: try await server.start()
        case .hung: server.resume()
        case .unplugged: try await server.load(sink: PulseServer.exactSink)
        }
        let next = try await client.next("the next event") { $0.event }
        #expect(next.state == .begin && next.id != begin.id)
        #expect(try await subscriber.next { $0.event }.id == next.id)
    }

    @Test func `A pipe that stalls ends its event, too`() async throws {
        let folder = try TestFolder()
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        // Opened for reading as well, so that neither side waits for the other.
        let writer = open(pipe, O_RDWR | O_CLOEXEC)
        defer { close(writer) }
        let daemon = try await RunningDaemon.start(
            try ["--source", "stdin", "--hop", "0.1"] + Self.oneEvent(in: folder), input: pipe, in: folder)
        let client = try daemon.listen()
        let sound = SeededClip(seed: 3).samples.prefix(16_000 * 2)
        let bytes = sound.withUnsafeBytes { Array($0) }
        #expect(write(writer, bytes, bytes.count) == bytes.count)
        let begin = try await client.next("the begin") { $0.event }
        let end = try await client.next("the end") { $0.event }
        #expect(begin.state == .begin && end.state == .end && end.id == begin.id)
    }

    @Test func `A server that PULSE_SERVER names is named by the error`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse"], environment: ["PULSE_SERVER": "unix:/nope"], in: folder)
        let message = try await daemon.status().source?.message ?? ""
        #expect(message.hasPrefix("no PulseAudio server answers at unix:/nope ("), "\(message)")
        #expect(message.contains("correct PULSE_SERVER"))
        let sources = try await daemon.astctl("sources")
        #expect(sources.code == 1)
        #expect(sources.errorLines.first?.contains("unix:/nope") == true)
    }
}
