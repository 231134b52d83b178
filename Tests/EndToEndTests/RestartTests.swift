import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// Clients of a daemon that is killed and started again.
@Suite(.timeLimit(.minutes(10)))
struct RestartTests {
    /// Each window is a hit for one label.
    private static func arguments(_ folder: TestFolder, hop: String = "0.05") throws -> [String] {
        let settings = "activation: none\ndetection: {on: -100, allow: [Speech]}\n"
        return [
            "--source", "file:\(try SeededClip.longSilence(in: folder))", "--hop", hop, "--config",
            try folder.write(settings.utf8, to: "astd.yaml"),
        ]
    }

    private static func subscribe(
        _ client: RecordClient, _ params: String
    ) async throws -> SubscribeReply.Resumption? {
        try client.send("subscribe", params)
        while true {
            // The first line is the greeting.
            guard let result = try await client.nextObject().object("result") else { continue }
            return try SubscribeReply(result).resumption
        }
    }

    @Test func `An event in progress is in the status, with its highest score`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(try Self.arguments(folder), in: folder)
        let begin = try await daemon.listen().next("the begin") { $0.event }
        let status = try await daemon.status()
        let event = try #require(status.events.first)
        #expect(status.events.count == 1)
        #expect(event.id == begin.id && event.label == "Speech" && event.begin.description == "\(begin.time)")
        #expect(event.startSample == begin.startSample && event.peakScore >= begin.peakScore)
        #expect(begin.id == status.run.eventID(1))
        let text = try await daemon.astctl("status").lines
        #expect(text.contains { $0.hasPrefix("events   Speech since ") }, "\(text)")
        let explained = try ExplainReport(
            JSONObject(parsing: try await daemon.astctl("explain", "Speech", "--json").output))
        #expect(explained.event == begin.id)
    }

    @Test func `A client has every event once, over kills of the daemon and of the client`() async throws {
        let folder = try TestFolder()
        var runs: [RunID] = []
        var begun: Set<String> = []
        var last: (run: RunID, seq: UInt64)?
        for _ in 0..<3 {
            // A minute of predictions is held.
            let daemon = try await RunningDaemon.start(try Self.arguments(folder, hop: "1"), in: folder)
            // Two connections to each run.
            for connection in 0..<2 {
                let client = try RecordClient(folder.file(RunningDaemon.control))
                guard case .hello(let hello)? = try await client.next() else {
                    throw TestFailure("the first record is not hello")
                }
                var missed: UInt64 = 0
                if let last {
                    let probe = try daemon.control()
                    let resumption = try await Self.subscribe(
                        probe, #"{"run":"\#(last.run.text)","since_seq":\#(last.seq)}"#)
                    #expect(resumption?.isSameRun == (connection == 1))
                    #expect(resumption?.run == hello.run && resumption?.hasMissedEvents == false)
                    missed = try #require(resumption).missedPredictions
                }
                if connection == 0 { runs.append(hello.run) }
                let since = last.map { #""run":"\#($0.run.text)","since_seq":\#($0.seq)"# } ?? ""
                try await client.ask("subscribe", "{\(since)}")
                if connection == 0 {
                    let begin = try await client.next("the begin") { $0.event }
                    #expect(begin.state == .begin && begun.insert(begin.id).inserted)
                }
                let prediction = try await client.nextPrediction()
                if connection == 1, let last {
                    // On a busy machine more than a minute may pass; then the daemon says what is missing.
                    #expect(missed > 0 ? prediction.seq > last.seq + missed : prediction.seq == last.seq + 1)
                }
                last = (hello.run, prediction.seq)
            }
            daemon.program.kill()
        }
        #expect(Set(runs).count == 3 && begun.count == 3)
    }

    @Test func `astctl watch and top go on when the daemon is back, and say what happened`() async throws {
        let folder = try TestFolder()
        let socket = folder.file(RunningDaemon.control)
        let daemon = try await RunningDaemon.start(try Self.arguments(folder), in: folder)
        func start(_ arguments: String...) throws -> ChildProcess {
            try Astd.start(["astctl"] + arguments + ["--socket", socket], in: folder)
        }
        let watch = try start("watch")
        let impatient = try start("watch", "--no-reconnect")
        try await eventually("the begin of an event in the output of watch") {
            try watch.standardOutput()
        } until: {
            $0.contains(#""state":"begin""#)
        }
        // So many that they have not counted them before the daemon is killed.
        let others = [try start("watch", "--count", "600"), try start("top", "-n", "600")]
        for program in others {
            try await eventually("the first output") { try !program.standardOutput().isEmpty ? true : nil }
        }
        daemon.program.kill()
        let end = try await impatient.exit()
        #expect(end.code == 3 && end.errorLines.last?.contains("closed the connection") == true)
        for program in [watch] + others {
            try await eventually("the end of the daemon on standard error") {
                try program.standardError()
            } until: {
                $0.contains("waiting for its return")
            }
        }
        let next = try await RunningDaemon.start(try Self.arguments(folder), in: folder)
        let run = try await next.status().run
        for program in others { #expect(try await program.exit().code == 0) }
        let output = try await eventually("records of the new run") {
            try watch.standardOutput()
        } until: {
            $0.contains(run.eventID(1))
        }
        let records = try output.split(separator: "\n").compactMap { line in
            line.hasSuffix("}") ? try LiveRecord(line: Array(line.utf8)) : nil
        }
        // The greeting of the new run separates the two; its records follow from the first.
        let restart = try #require(records.firstIndex { if case .hello = $0 { true } else { false } })
        let after = records[restart...].compactMap(\.prediction)
        #expect(after.first?.seq == 1)
        #expect(zip(after, after.dropFirst()).allSatisfy { $1.seq == $0.seq + 1 })
        let errors = try watch.standardError()
        #expect(errors.contains("is back, in another run; interrupted: Speech"), "\(errors)")
        watch.kill()
    }
}
