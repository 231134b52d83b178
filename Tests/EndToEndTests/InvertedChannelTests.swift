import Glibc
import TestSupport
import Testing
import Wire

/// A stereo microphone with one inverted channel.
@Suite(.timeLimit(.minutes(10))) struct InvertedChannelTests {
    @Test func `The loudest and each channel have the scores of mono, and the mix is silence`() async throws {
        let folder = try TestFolder()
        let mono = SeededClip(seed: 11).samples
        // -32768 has no opposite.
        let stereo = mono.flatMap { [$0, -max($0, -32_767)] }
        let sounds = [
            (name: "mono", samples: mono, settings: ""),
            (name: "loudest", samples: stereo, settings: ", channel: loudest"),
            (name: "each", samples: stereo, settings: ", channel: each"),
            (name: "mix", samples: stereo, settings: ""),
        ]
        var config = "hop: 0.5\nactivation: none\nmuted_after: 0\nsources:\n"
        for sound in sounds {
            let pipe = folder.file("\(sound.name).pipe")
            #expect(mkfifo(pipe, 0o600) == 0)
            let channels = sound.samples.count / mono.count
            let source = "pipe:\(pipe)?rate=16000&channels=\(channels)&format=s16le"
            config += "  \(sound.name): {source: '\(source)'\(sound.settings)}\n"
            _ = try folder.write(sound.samples.withUnsafeBytes { Array($0) }, to: "\(sound.name).raw")
        }
        let daemon = try await RunningDaemon.start(
            ["--config", try folder.write(config, to: "astd.yaml")], in: folder)
        let client = try daemon.subscribe()
        let writers = try sounds.map { sound in
            let command = "cat \(folder.file(sound.name)).raw > \(folder.file(sound.name)).pipe"
            return try ChildProcess(["sh", "-c", command], in: folder)
        }
        // A busy machine may skip windows of each, but not the last, in which the sound ends.
        var windows: [Int64: [String: Prediction]] = [:]
        let common = try await client.next("a window of all") { record -> [String: Prediction]? in
            guard let prediction = record.prediction else { return nil }
            windows[prediction.endSample, default: [:]][prediction.source ?? ""] = prediction
            // One is two sources.
            return windows[prediction.endSample].flatMap { $0.count == sounds.count + 1 ? $0 : nil }
        }
        for writer in writers { #expect(try await writer.exit().code == 0) }
        let scores = try #require(common["mono"]).scores
        #expect(try #require(common["loudest"]).scores == scores)
        for (number, channel) in ["left", "right"].enumerated() {
            let prediction = try #require(common["each/\(channel)"])
            #expect(prediction.scores == scores && prediction.channel == number + 1)
        }
        let mix = try #require(common["mix"])
        #expect(mix.scores != scores && mix.levelDBFS == nil)
    }
}
