import TestSupport
import Testing
import TextSupport
import Wire

/// `astd classify --events` finds the events that a daemon reports for the same file.
@Suite(.timeLimit(.minutes(10)))
struct SameEventsTests {
    private struct Event: Equatable {
        var label: String
        /// In milliseconds: a frame is ten.
        var begin: Int
        var end: Int
        var onset: Int
        var onsetUncertainty: Int
        var hits: Int
        var windows: Int
        var peak: Float
    }

    @Test(
        arguments: [
            ["detection.minimum_hits=1"],
            ["detection.smoothing=3", "detection.minimum_hits=2", "detection.merge_gap=0.1"],
            ["detection.minimum_hits=1", "detection.minimum_duration=0.1", "detection.merge_gap=0.1"],
            ["detection.minimum_hits=1", "detection.refractory=0.4", "detection.deny=Speech"],
        ], ["fp32"] + (Astd.computesInt8 ? ["int8"] : []))
    func `A batch finds the events of the daemon, with equal frames and bit-equal peaks`(
        _ settings: [String], precision: String
    ) async throws {
        let folder = try TestFolder()
        // Sound that comes and goes, with an end between two windows.
        let pause = [Int16](repeating: 0, count: 20_000)
        let sound =
            pause + SeededClip(seed: 7).samples + pause
            + SeededClip(seed: 8).samples.prefix(30_000)
            + pause.prefix(777)
        let path = try folder.write(SeededClip.wav(sound), to: "clip.wav")
        let threshold = try await Self.medianScore(path, folder)
        let common =
            ["--hop", "0.05", "--activation", "none", "--precision", precision]
            + (settings
            + ["detection.merge_gap=0", "detection.on=\(threshold)"].filter { setting in
                !settings.contains { $0.prefix { $0 != "=" } == setting.prefix { $0 != "=" } }
            }).flatMap { ["--set", $0] }

        let batch = try await Astd.run(
            ["astd", "classify", "--model", Astd.model, path, "--events", "--format", "jsonl"] + common
                // In int8 scores do not depend on the number of threads.
                + ["--threads", precision == "int8" ? "3" : "1"],
            in: folder)
        #expect(batch.code == 0, "\(batch.errorLines)")
        let found = try batch.lines.map { line in
            let json = try JSONObject(parsing: Array(line.utf8))
            let (start, end) = (try json.requiredDouble("start"), try json.requiredDouble("end"))
            #expect(try abs(json.requiredDouble("duration") - (end - start)) < 1e-6)
            return Event(
                label: try json.requiredString("label"), begin: Self.milliseconds(start),
                end: Self.milliseconds(end), onset: try Self.milliseconds(json.requiredDouble("onset")),
                onsetUncertainty: try Self.milliseconds(json.requiredDouble("onset_uncertainty")),
                hits: try json.requiredInteger("hits", as: Int.self),
                windows: try json.requiredInteger("windows", as: Int.self),
                peak: try #require(try json.float("peak_score")))
        }
        #expect(found.map(\.begin) == found.map(\.begin).sorted())

        let daemon = try await RunningDaemon.start(
            ["--source", "file:" + path, "--fast", "--wait-for-subscriber", "--threads", "1"] + common,
            in: folder)
        let live = try await Self.events(of: daemon, samples: sound.count)
        func order(_ events: [Event]) -> [Event] {
            events.sorted { ($0.begin, $0.end, $0.label) < ($1.begin, $1.end, $1.label) }
        }
        #expect(found.filter { !live.contains($0) } == [], "only in the batch")
        #expect(live.filter { !found.contains($0) } == [], "only in the daemon")
        #expect(order(found) == order(live))
        #expect(found.count >= 8)
        #expect(Set(found.map(\.label)).count >= 4)
        #expect(found.contains { $0.end > $0.begin })
    }

    @Test func `--resume refuses a run with other event settings`() async throws {
        let folder = try TestFolder()
        let command = [
            "astd", "classify", "--model", Astd.model, Astd.clip, "--events", "--output", folder.file("out"),
            "--resume",
        ]
        // A journal as an interrupted run leaves it.
        let whole = try await Astd.run(command + ["--set", "detection.on=0.4"], in: folder)
        #expect(whole.code == 0, "\(whole.errorLines)")
        try folder.write(
            "{\"astd_batch\":1,\"--model\":\"\(Astd.model)\",\"--set\":\"detection.on 0.4\"}\n".utf8,
            to: "out.journal")
        let other = try await Astd.run(command + ["--set", "detection.on=0.3"], in: folder)
        #expect(other.code == 1)
        #expect(other.errorLines.count == 1, "\(other.errorLines)")
    }

    @Test func `Mistakes in event settings are named`() async throws {
        let folder = try TestFolder()
        let command = ["astd", "classify", "--model", Astd.model, Astd.clip]
        for (options, code, complaint) in [
            (["--set", "detection.on=0.4"], 64, "add --events"),
            (["--events", "--aggregate", "max"], 64, "leave one out"),
            (["--events", "--set", "detection.onn=0.4"], 64, "did you mean 'detection.on'?"),
            (["--events", "--config", folder.file("absent.yaml")], 78, "absent.yaml"),
        ] {
            let result = try await Astd.run(command + options, in: folder)
            #expect(result.code == Int32(code))
            #expect(result.errorLines.first?.contains(complaint) == true)
        }
        try folder.write("hop: 0.5\ndetection: {allow: [Spech]}\n".utf8, to: "astd.yaml")
        let slip = try await Astd.run(
            command + ["--events", "--config", folder.file("astd.yaml")], in: folder)
        #expect(slip.code == 0)
        #expect(slip.errorLines.first?.contains("did you mean 'Speech'?") == true)
        #expect(slip.output.isEmpty, "no other label is allowed")
    }

    private static func milliseconds(_ seconds: Double) -> Int { Int((seconds * 1000).rounded()) }

    /// A threshold at which events of many labels begin and end.
    private static func medianScore(_ path: String, _ folder: TestFolder) async throws -> Float {
        let result = try await Astd.run(
            [
                "astd", "classify", "--model", Astd.model, path, "--activation", "none", "--top-k", "all",
                "--precision", "fp32",
            ], in: folder)
        let scores = try result.lines.flatMap { line in
            try JSONObject(parsing: Array(line.utf8)).requiredRecords("labels") { json throws(JSONError) in
                try ScoredLabel(json)
            }
        }.map(\.score).sorted()
        try #require(!scores.isEmpty, "\(result.errorLines)")
        return scores[scores.count / 2]
    }

    /// All events of a file with this number of samples.
    private static func events(of daemon: RunningDaemon, samples: Int) async throws -> [Event] {
        let client = try daemon.subscribe()
        var events: [Event] = []
        // The time of the stream's first sample by the last prediction, whose window the event belongs to.
        var originNanos: Int64 = 0
        var lastSeq: UInt64 = 0
        var lastEnd: Int64 = 0
        for record in try await client.rest() {
            if case .lost(let lost) = record { Issue.record("\(lost)") }
            if let prediction = record.prediction {
                #expect(prediction.seq == lastSeq + 1)
                lastSeq = prediction.seq
                lastEnd = prediction.endSample
                originNanos = prediction.time.unixNanos - prediction.endSample * 62_500
            }
            guard let event = record.event, event.state == .end else { continue }
            let end = Double(event.time.unixNanos - originNanos) / 1e9
            let onset = try #require(event.onset)
            // The time and the position of a file's sound differ by where the file begins.
            #expect(abs(onset.time.unixNanos - originNanos - onset.sample * 62_500) <= 1_000_000)
            events.append(
                Event(
                    label: event.label, begin: milliseconds(end - event.duration), end: milliseconds(end),
                    onset: milliseconds(Double(onset.sample) / 16_000),
                    onsetUncertainty: milliseconds(onset.uncertaintySeconds),
                    hits: try #require(event.hits), windows: try #require(event.windows),
                    peak: event.peakScore))
        }
        // The last window reaches the last whole frame; a hop is 800 samples.
        #expect(lastEnd + 800 >= samples)
        return events
    }
}
