import Inference
import Glibc
import TestSupport
import Recognizer
import Testing
import TextSupport

@testable import Batch

/// Runs over files of several channels.
@Suite struct ChannelRunTests {
    private static func clip(_ seed: UInt64, seconds: Double = 1) -> [Int16] {
        var random = SeededGenerator(seed: seed)
        return random.floats(Int(16_000 * seconds), in: -0.3...0.3).map { Int16($0 * 32767) }
    }

    private static func classifiers(_ channels: ChannelChoice, jobs: Int) throws -> [FileClassifier] {
        let first = try WindowScorer(
            RecognizerOptions(
                model: Golden.path("models/stride10"), threads: 1, activation: Activation?.some(.none)))
        return try (0..<jobs).map { _ in
            FileClassifier(
                try WindowScorer(first.variants, threads: 1), topK: 1, minimumScore: nil,
                WindowRule(channels: channels))
        }
    }

    /// The content of the output, by format, and what was reported.
    private static func run(
        _ paths: [String], _ channels: ChannelChoice, jobs: Int = 1, aggregation: Aggregation = .none,
        report: Bool = false
    ) throws -> (files: [String: String], reported: [String], result: BatchRun.Result) {
        let folder = try TestFolder()
        let output = folder.file("out")
        let outputs = try BatchOutputs(
            [.jsonl, .csv, .audacity, .raven], to: .directory(output),
            report: report ? folder.file("page.html") : nil, labels: ReportLabels([(nil, ["a"])]))
        let run = BatchRun(
            try classifiers(channels, jobs: jobs), aggregation: aggregation, outputs,
            ProgressBar(isVisible: false))
        var reported: [String] = []
        let result = try run.run(FileQueue(paths: paths, listPath: nil)) { reported.append($0) }
        func text(_ path: String) throws -> String {
            TestFolder.exists(path) ? String(decoding: try TestFolder.bytes(of: path), as: UTF8.self) : ""
        }
        var files = [
            "jsonl": try text("\(output)/labels.jsonl"), "csv": try text("\(output)/labels.csv"),
            "summary": try text("\(output)/summary.json"), "page": try text(folder.file("page.html")),
        ]
        for path in paths {
            for format in ["audacity", "raven"] {
                let name = RecordingNames(directory: output, suffix: ".\(format).txt").name(of: path)
                files[format, default: ""] += try text("\(output)/\(name)")
            }
        }
        return (files, reported, result)
    }

    /// The members of each line of JSON.
    private static func records(_ text: String?) throws -> [JSONObject] {
        try (text ?? "").split(separator: "\n").map { try JSONObject(parsing: Array($0.utf8)) }
    }

    @Test func `Each channel has the records of a mono file of its own`() throws {
        let folder = try TestFolder()
        let channels = [Self.clip(1), Self.clip(2), Self.clip(3)]
        let path = try folder.write(wavFile(channels), to: "three.wav")
        let found = try Self.records(try Self.run([path], .each).files["jsonl"])
        #expect(try found.map { try $0.integer("channel", as: Int.self) } == [1, 1, 2, 2, 3, 3])
        for (number, samples) in channels.enumerated() {
            let mono = try folder.write(wavFile([samples]), to: "mono.wav")
            let alone = try Self.records(try Self.run([mono], .mix).files["jsonl"])
            let chosen = try Self.records(try Self.run([path], .number(number + 1)).files["jsonl"])
            #expect(alone.count == 2 && chosen.count == 2)
            for window in 0..<2 {
                #expect(alone[window]["channel"] == nil)
                #expect(chosen[window] == found[2 * number + window])
                #expect(alone[window]["labels"] == chosen[window]["labels"])
                #expect(alone[window]["start"] == chosen[window]["start"])
            }
        }
    }

    @Test func `The records of all channels are in the order of the input, for any number of jobs`() throws {
        let folder = try TestFolder()
        var paths = [folder.file("absent.wav")]
        for count in [1, 5, 2] {
            let channels = (0..<count).map { Self.clip(UInt64($0), seconds: 2.3) }
            paths.append(try folder.write(wavFile(channels), to: "\(count).wav"))
        }
        let wanted = try Self.run(paths, .each, jobs: 1, report: true)
        #expect(wanted.result.files == 4 && wanted.result.failed == 1)
        #expect(wanted.result.windows == 3 * 8)
        #expect(abs(wanted.result.audioSeconds - 2.3 * 8) < 1e-5)
        #expect(wanted.files["summary"]?.contains(#""files":4,"failed":1,"windows":24"#) == true)
        for jobs in [2, 5] {
            let found = try Self.run(paths, .each, jobs: jobs, report: true)
            #expect(found.files == wanted.files)
        }
        let page = wanted.files["page"] ?? ""
        for number in 1...5 { #expect(page.contains(#"5.wav, channel \#(number)""#)) }
    }

    @Test func `Every format names the channel`() throws {
        let folder = try TestFolder()
        let path = try folder.write(
            wavFile([Self.clip(1, seconds: 0.9), Self.clip(2, seconds: 0.9)]), to: "s.wav")
        let files = try Self.run([path], .each, aggregation: .mean).files
        let csv = (files["csv"] ?? "").split(separator: "\r\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let column = try #require(csv.first?.firstIndex(of: "channel"))
        #expect(csv.dropFirst().map { $0[column] } == ["1", "2"])
        let tracks = (files["audacity"] ?? "").split(separator: "\n")
        #expect(tracks.count == 2)
        #expect(tracks[0].hasSuffix(" [channel 1]") && tracks[1].hasSuffix(" [channel 2]"))
        let table = (files["raven"] ?? "").split(separator: "\n").map { $0.split(separator: "\t") }
        #expect(
            table.dropFirst().map { $0[0...2].joined(separator: " ") }
                == ["1 Spectrogram 1 1", "2 Spectrogram 1 2"])
    }

    @Test func `A missing channel is an error record, and the other files are classified`() throws {
        let folder = try TestFolder()
        let mono = try folder.write(wavFile([Self.clip(1)]), to: "mono.wav")
        let stereo = try folder.write(wavFile([Self.clip(1), Self.clip(2)]), to: "stereo.wav")
        let (files, reported, result) = try Self.run([mono, stereo], .number(2))
        #expect(result.failed == 1 && result.files == 2)
        #expect(reported == ["\(mono) has 1 channel, not 2: choose channel 1, or mix"])
        let records = try Self.records(files["jsonl"])
        #expect(records.count == 3)
        #expect(files["jsonl"]?.contains(#""error":{"code":"no_such_channel""#) == true)
    }

    @Test func `An error that concerns all channels is reported once, and each channel has its record`()
        throws
    {
        let folder = try TestFolder()
        let bytes = wavFile([Self.clip(1), Self.clip(2)])
        let path = try folder.write(bytes.dropLast(10_000), to: "cut.wav")
        let (files, reported, result) = try Self.run([path], .each)
        #expect(reported.count == 1)
        #expect(result.files == 1 && result.failed == 1)
        let errors = try Self.records(files["jsonl"]).filter { $0["error"] != nil }
        #expect(try errors.map { try $0.integer("channel", as: Int.self) } == [1, 2])
    }

    @Test func `Warnings about channels that cancel are printed for ten files and counted for all`() throws {
        let folder = try TestFolder()
        let sound = Self.clip(1)
        let path = try folder.write(wavFile([sound, sound.map { -$0 }]), to: "inverse.wav")
        let (files, reported, result) = try Self.run(Array(repeating: path, count: 12), .mix, jobs: 3)
        #expect(reported.count == BatchRun.mostWarnings)
        #expect(reported.allSatisfy { $0.hasPrefix("\(path): the mean of its 2 channels") })
        #expect(result.quietMixes == 12 && result.failed == 0)
        #expect(files["summary"]?.contains(#""quiet_mixes":12"#) == true)
        #expect(try Self.run([path], .each).reported == [])
    }

    @Test func `64 channels are classified one after the other`() throws {
        let folder = try TestFolder()
        let path = try folder.write(
            wavFile((0..<64).map { Self.clip(UInt64($0), seconds: 0.1) }), to: "many.wav")
        let records = try Self.records(try Self.run([path], .each, jobs: 2).files["jsonl"])
        #expect(try records.map { try $0.requiredInteger("channel", as: Int.self) } == Array(1...64))
    }

    @Test func `A rest that is left out is counted in the summary`() throws {
        let folder = try TestFolder()
        let path = try folder.write(wavFile([Self.clip(1, seconds: 1.2)]), to: "rest.wav")
        let output = folder.file("out")
        let scorer = try WindowScorer(RecognizerOptions(model: Golden.path("models/stride10"), threads: 1))
        let rule = WindowRule(minimumFrames: 50)
        let run = BatchRun(
            [FileClassifier(scorer, topK: 1, minimumScore: nil, rule)],
            try BatchOutputs([.jsonl, .csv], to: .directory(output)), ProgressBar(isVisible: false))
        let result = try run.run(FileQueue(paths: [path, path], listPath: nil)) { _ in }
        // 118 frames, of which the window has 96.
        #expect(result.windows == 2 && abs(result.omittedSeconds - 0.44) < 1e-9)
        let summary = String(decoding: try TestFolder.bytes(of: "\(output)/summary.json"), as: UTF8.self)
        #expect(summary.contains(#""omitted_seconds":0.44"#))
    }
}
