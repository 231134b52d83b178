import TestSupport
import Testing
import Wire

/// The same samples give the same scores, whichever way they come.
@Suite(.timeLimit(.minutes(10)))
struct SameScoresTests {
    /// Between raw logits.
    static let tolerance: Float = 1e-4
    private static let windowSamples = 95 * 160 + 400

    @Test func `Sound through PulseAudio gives the scores of the same samples in a file`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let clip = SeededClip(seed: 20_261)
        let path = try folder.write(SeededClip.wav(clip.samples), to: "clip.wav")
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.02", "--activation", "none"], in: folder)
        let client = try daemon.subscribe()
        var silent = try await client.nextPrediction()
        var heard: [Prediction] = []
        // Where others starve it, the daemon skips windows and says so: then the clip is played again.
        for _ in 0..<8 where heard.count < 100 {
            silent = try await client.nextPrediction()
            let player = try server.play(path)
            heard = try await Self.windows(of: clip, from: client, after: silent)
            #expect(try await player.exit().code == 0)
        }

        // Nobody knows at which sample of the stream the clip began, only between which windows. The window in
        // the middle of which it began is compared with all the possible ones.
        let probe = try #require(heard.first { $0.endSample >= heard[1].endSample + 7_500 })
        let begins = heard[0].endSample - 160..<heard[1].endSample
        let candidates = try await Self.fileScores(
            begins.flatMap { begin in
                let silence = Int(begin - probe.startSample)
                return [Int16](repeating: 0, count: silence)
                    + clip.samples.prefix(Self.windowSamples - silence)
                    + [Int16](repeating: 0, count: 15_680 - Self.windowSamples)
            }, hop: "0.98", in: folder)
        let distances = candidates.map { largestDifference($0, probe.scores) }
        let fitting = distances.indices.filter { distances[$0] <= Self.tolerance }
        try #require(fitting.count == 1, "the clip fits at \(fitting) of \(begins): \(distances.min() ?? -1)")
        let begin = begins.lowerBound + Int64(fitting[0])

        // That one integer explains every window.
        let first = heard[0].startSample
        let expected = try await Self.fileScores(
            [Int16](repeating: 0, count: Int(begin - first)) + clip.samples
                + [Int16](repeating: 0, count: 2 * Self.windowSamples), hop: "0.02", in: folder)
        var worst: Float = 0
        for prediction in heard {
            let index = Int(prediction.startSample - first) / 320
            worst = max(worst, largestDifference(expected[index], prediction.scores))
        }
        #expect(worst <= Self.tolerance)
        #expect(heard.count >= 100)
        // It was sound, and not all the same.
        let loud = heard.filter { ($0.levelDBFS ?? -.infinity) > -20 }
        #expect(loud.count >= 50)
        #expect(loud.filter { largestDifference($0.scores, silent.scores) > 0.5 }.count >= 50)
    }

    @Test func `A file heard by the daemon gives the windows and scores of a batch`() async throws {
        let folder = try TestFolder()
        let sound = [Int16](repeating: 0, count: 4000) + SeededClip(seed: 7).samples
        let path = try folder.write(
            SeededClip.wav(sound + sound + sound.prefix(12_345)), to: "clip.wav")
        let expected = try await Astd.classify([path, "--hop", "0.8"], in: folder)
            .lines.map { try JSONObject(parsing: Array($0.utf8)).scores() }
        let records = try await Self.records(
            ["--source", "file:\(path)", "--hop", "0.8", "--activation", "none"], in: folder)

        // A client that came late was told how many predictions it missed.
        let predictions = records.compactMap(\.prediction)
        let missed = records.reduce(UInt64(0)) {
            if case .lost(let lost) = $1 { $0 + lost.count } else { $0 }
        }
        #expect(UInt64(predictions.count) + missed == UInt64(expected.count))
        #expect(predictions.last?.seq == UInt64(expected.count))
        #expect(records.allSatisfy { $0.gap == nil })
        #expect(predictions.count >= 4)
        for prediction in predictions {
            let index = Int(prediction.seq) - 1
            #expect(prediction.startSample == index * 12_800)
            #expect(largestDifference(prediction.scores, expected[index]) == 0)
        }
    }

    @Test func `The gate answers for silence, and for nothing else`() async throws {
        let folder = try TestFolder()
        let silence = [Int16](repeating: 0, count: 40_000)
        let path = try folder.write(
            SeededClip.wav(silence + SeededClip(seed: 7).samples + silence), to: "clip.wav")
        func predictions(_ more: [String]) async throws -> [Prediction] {
            try await Self.records(
                ["--source", "file:\(path)", "--hop", "0.25", "--activation", "none"] + more, in: folder
            ).compactMap(\.prediction)
        }
        let all = try await predictions([])
        let gated = try await predictions(["--gate", "-60"])
        #expect(gated.last?.seq == all.last?.seq)
        for prediction in gated {
            let isSilent = prediction.endSample <= 40_000 || prediction.startSample >= 88_000
            // The clip ends in a pause, and what was heard of the next tenth of a second counts.
            if prediction.isGated {
                #expect(prediction.endSample <= 41_600 || prediction.startSample >= 84_000)
            }
            if isSilent && prediction.endSample < 38_400 { #expect(prediction.isGated) }
            #expect(prediction.isGated == prediction.labels.isEmpty)
            guard !prediction.isGated,
                let same = all.first(where: { $0.seq == prediction.seq })
            else {
                continue
            }
            #expect(prediction.scores == same.scores)
        }
        #expect(gated.contains { $0.isGated } && gated.contains { !$0.isGated })
    }

    /// What a daemon tells of a short file. On a starved machine the file may be over before the test looks at the daemon,
    /// or windows
    /// were skipped, as a daemon must that cannot keep up; then once more.
    private static func records(_ arguments: [String], in folder: TestFolder) async throws -> [LiveRecord] {
        for _ in 1..<8 {
            guard let daemon = try? await RunningDaemon.start(arguments, in: folder),
                let records = try? await daemon.subscribe().rest(),
                records.count(where: { $0.prediction != nil }) >= 4, records.allSatisfy({ $0.gap == nil })
            else { continue }
            #expect(try await daemon.program.exit().code == 0)
            return records
        }
        let daemon = try await RunningDaemon.start(arguments, in: folder)
        return try await daemon.subscribe().rest()
    }

    /// The predictions from the last silent one before the clip to the first silent one after it.
    private static func windows(
        of clip: SeededClip, from client: RecordClient, after silent: Prediction
    ) async throws -> [Prediction] {
        var heard = [silent]
        while true {
            let record = try #require(try await client.next())
            if let gap = record.gap, gap.reason != .skipped {
                throw TestFailure("a hole in the stream: \(gap)")
            }
            guard let prediction = record.prediction else { continue }
            if heard.count == 1 && prediction.scores == silent.scores {
                heard = [prediction]
                continue
            }
            heard.append(prediction)
            if prediction.startSample > heard[1].endSample + Int64(clip.samples.count) { return heard }
        }
    }

    /// The logits of every window of a file with these samples.
    private static func fileScores(
        _ samples: [Int16], hop: String, in folder: TestFolder
    ) async throws -> [[Float]] {
        let path = try folder.write(SeededClip.wav(samples), to: "samples.wav")
        let result = try await Astd.classify([path, "--hop", hop], in: folder)
        return try result.lines.map { try JSONObject(parsing: Array($0.utf8)).scores() }
    }
}

extension Astd {
    /// Runs `astd classify` with all raw logits as JSON lines.
    static func classify(_ arguments: [String], in folder: TestFolder) async throws -> ChildProcess.Exit {
        try await run(
            ["astd", "classify", "--model", model, "--activation", "none", "--top-k", "all"] + arguments,
            in: folder)
    }
}

extension JSONObject {
    /// The scores of a batch record in the order of the model's labels.
    func scores() throws -> [Float] {
        try requiredRecords("labels") { json throws(WireError) in try ScoredLabel(json) }.scores
    }
}
