import TestSupport
import Testing
import TextSupport
import Wire

/// The same samples give the same scores, live and from a file.
@Suite(.timeLimit(.minutes(10)))
struct SameScoresTests {
    /// Largest difference between raw logits.
    static let tolerance: Float = 1e-4

    @Test func `Sound through PulseAudio gives the scores of the same samples in a file`() async throws {
        let folder = try TestFolder()
        let server = try await PulseServer(in: folder)
        let clip = SeededClip(seed: 20_261)
        let path = try folder.write(SeededClip.wav(clip.samples), to: "clip.wav")
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)", "--hop", "0.02", "--activation", "none"],
            in: folder)
        let client = try daemon.subscribe()
        let silent = try await client.nextPrediction()
        // The daemon may skip windows when the machine is busy. Every window that it does classify is
        // compared; the clip is played until there are enough of them.
        var compared = 0
        var loud = 0
        while compared < 100 || loud < 50 {
            let before = try await client.next("a silent window") { record in
                record.prediction.flatMap { $0.scores == silent.scores ? $0 : nil }
            }
            let player = try server.play(path)
            let played = try await Self.windows(of: clip, from: client, after: before)
            #expect(try await player.exit().code == 0)
            guard let played, try await Self.compare(played, with: clip, in: folder) else { continue }
            compared += played.count
            // It was sound, and not always the same.
            loud += played.count { prediction in
                (prediction.levelDBFS ?? -.infinity) > -20
                    && largestDifference(prediction.scores, silent.scores) > 0.5
            }
        }
    }

    /// Compares windows that contain a clip with the windows of a file.
    ///
    /// The test does not know the sample of the stream at which the clip began, only the windows around it.
    /// One window in which the clip began is compared with a file for each possible sample; exactly one fits,
    /// and has to explain all other windows.
    ///
    /// - Returns: `false` when the daemon skipped the windows that are needed to find the beginning.
    private static func compare(
        _ played: [Prediction], with clip: SeededClip, in folder: TestFolder
    ) async throws -> Bool {
        // A second of possible beginnings is more than a thousand windows per file.
        guard played.count > 2, played[1].endSample - played[0].endSample <= 1_600,
            let probe = played.first(where: { $0.endSample >= played[1].endSample + 7_500 }),
            probe.startSample <= played[0].endSample - 160
        else { return false }
        let begins = played[0].endSample - 160..<played[1].endSample
        let candidates = try await fileScores(
            begins.flatMap { begin in
                let silence = Int(begin - probe.startSample)
                // 15,680 samples are the hop of 0.98 s: each candidate has a window of its own.
                return [Int16](repeating: 0, count: silence)
                    + clip.samples.prefix(Astd.modelWindowSamples - silence)
                    + [Int16](repeating: 0, count: 15_680 - Astd.modelWindowSamples)
            }, hop: "0.98", in: folder)
        let distances = candidates.map { largestDifference($0, probe.scores) }
        let fitting = distances.indices.filter { distances[$0] <= tolerance }
        try #require(fitting.count == 1, "the clip fits at \(fitting) of \(begins): \(distances.min() ?? -1)")
        let begin = begins.lowerBound + Int64(fitting[0])

        let first = played[0].startSample
        let expected = try await fileScores(
            [Int16](repeating: 0, count: Int(begin - first)) + clip.samples
                + [Int16](repeating: 0, count: 2 * Astd.modelWindowSamples), hop: "0.02", in: folder)
        for prediction in played {
            // A hop is 320 samples.
            let index = Int(prediction.startSample - first) / 320
            #expect(largestDifference(expected[index], prediction.scores) <= tolerance)
        }
        return true
    }

    @Test func `A file in the daemon gives the windows and scores of a batch`() async throws {
        let folder = try TestFolder()
        let sound = [Int16](repeating: 0, count: 4000) + SeededClip(seed: 7).samples
        let path = try folder.write(
            SeededClip.wav(sound + sound + sound.prefix(12_345)), to: "clip.wav")
        let expected = try await Astd.classify([path, "--hop", "0.8"], in: folder)
            .lines.map { try JSONObject(parsing: Array($0.utf8)).scores() }
        let records = try await Self.records(
            ["--source", "file:\(path)", "--hop", "0.8", "--activation", "none"], in: folder)

        let predictions = records.compactMap(\.prediction)
        try #require(predictions.count == expected.count)
        #expect(predictions.count >= 8)
        #expect(records.allSatisfy { $0.gap == nil })
        for (index, prediction) in predictions.enumerated() {
            #expect(prediction.seq == UInt64(index) + 1)
            // The last window ends with the file, at frame 725.
            let isLast = index + 1 == predictions.count
            #expect(prediction.startSample == (isLast ? 100_640 : index * 12_800))
            #expect(largestDifference(prediction.scores, expected[index]) == 0)
        }
    }

    @Test func `The gate skips the forward pass for silent windows, and for no others`() async throws {
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
        try #require(gated.map(\.seq) == all.map(\.seq))
        for (prediction, ungated) in zip(gated, all) {
            let isSilent = prediction.endSample <= 40_000 || prediction.startSample >= 88_000
            // The clip ends in a pause, and up to a tenth of a second of sound belongs to either side.
            if prediction.isGated {
                #expect(prediction.endSample <= 41_600 || prediction.startSample >= 84_000)
            }
            if isSilent && prediction.endSample < 38_400 { #expect(prediction.isGated) }
            #expect(prediction.isGated == prediction.labels.isEmpty)
            if !prediction.isGated { #expect(prediction.scores == ungated.scores) }
        }
        #expect(gated.contains { $0.isGated })
        #expect(gated.contains { !$0.isGated })
    }

    /// All records of a file.
    private static func records(_ arguments: [String], in folder: TestFolder) async throws -> [LiveRecord] {
        let daemon = try await RunningDaemon.start(
            arguments + ["--fast", "--wait-for-subscriber"], in: folder)
        let records = try await daemon.subscribe().rest()
        #expect(try await daemon.program.exit().code == 0)
        return records
    }

    /// The predictions from the last silent one before the clip to the first silent one after it; `nil` when
    /// the server, on a busy machine, lost samples in between.
    private static func windows(
        of clip: SeededClip, from client: RecordClient, after silent: Prediction
    ) async throws -> [Prediction]? {
        var played = [silent]
        while true {
            let record = try #require(try await client.next())
            if let gap = record.gap, gap.reason != .skipped { return nil }
            guard let prediction = record.prediction else { continue }
            if played.count == 1 && prediction.scores == silent.scores {
                played = [prediction]
                continue
            }
            played.append(prediction)
            if prediction.startSample > played[1].endSample + Int64(clip.samples.count) { return played }
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
        try requiredRecords("labels") { json throws(JSONError) in try ScoredLabel(json) }.scores
    }
}
