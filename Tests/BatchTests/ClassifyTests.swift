import Inference
import TestSupport
import Recognizer
import Testing
import Wire

@testable import Batch

@Suite struct ClassifyTests {
    @Test(arguments: try Golden.load().windowedClips())
    func `Windows have the scores that transformers computes for the same samples`(
        _ golden: Golden.WindowedClip
    ) throws {
        let last = try #require(LastWindow(rawValue: golden.lastWindow))
        let classifier = try Self.classifier(
            golden.model,
            WindowRule(hopFrames: Int((golden.hopSeconds * 100).rounded()), lastWindow: last))
        var records: [BatchRecord] = []
        try classifier.classify(path: Golden.path(golden.clip)) { records.append($0) }
        #expect(records.count == golden.records.count)
        for (record, expected) in zip(records, golden.records) {
            #expect(abs(record.start - expected.start) < 1e-9)
            #expect(abs(record.end - expected.end) < 1e-3)
            let logits = record.labels.sorted { $0.index < $1.index }.map(\.score)
            #expect(largestDifference(logits, expected.exactLogits) <= 2e-5)
            #expect(largestDifference(logits, expected.logits) <= expected.tolerance)
        }
    }

    @Test(arguments: try Golden.load().decodedFiles())
    func `Every common audio format is decoded and classified`(_ golden: Golden.DecodedFile) throws {
        let classifier = try Self.classifier("models/stride10")
        var records: [BatchRecord] = []
        try classifier.classify(path: Golden.path(golden.file)) { records.append($0) }
        let end = try #require(records.last).end
        let seconds = Double(golden.frames) / Double(golden.rateHz)
        #expect(abs(end - seconds) <= Double(golden.framesTolerance) / Double(golden.rateHz) + 0.02)
    }

    @Test func `A file that fails gets an error record, and the other files are classified`() throws {
        let folder = try TestFolder()
        try folder.write("this is text\n", to: "in/a.wav")
        try folder.write("", to: "in/b.wav")
        let output = folder.file("out.jsonl")
        let run = BatchRun(
            [try Self.classifier("models/stride10")],
            try BatchOutputs([.jsonl], to: .file(output)),
            ProgressBar(isVisible: false))
        let paths = [
            folder.file("in"), Golden.path("clips/too-short.wav"), "/nowhere.wav",
            Golden.path("clips/short.wav"),
        ]
        var reported: [String] = []
        let failed = try run.run(FileQueue(paths: paths, listPath: nil)) { reported.append($0) }.failed
        #expect(failed == 4)
        #expect(reported.count == 4)
        var lines: [String] = []
        for item in FileQueue(paths: [], listPath: output) {
            if case .file(let line) = item { lines.append(line) }
        }
        for (line, code) in zip(lines, ["not_audio", "empty", "too_short", "not_found"]) {
            #expect(line.contains("\"code\":\"\(code)\""))
        }
        try #require(lines.count == 5)
        #expect(lines[4].contains("short.wav"))
        #expect(lines[4].contains("\"labels\""))
    }

    private static func classifier(_ model: String, _ rule: WindowRule = WindowRule()) throws
        -> FileClassifier
    {
        let scorer = try WindowScorer(
            RecognizerOptions(model: Golden.path(model), threads: 1, activation: Activation?.some(.none)))
        return FileClassifier(scorer, topK: nil, minimumScore: nil, rule)
    }
}
