import Capture
import Frontend
import TestSupport
import Inference
import Recognizer
import Testing
import Wire

@Suite struct FileClassifierTests {
    private static func scorer(
        _ model: String = "models/stride10", adapter: String? = nil, activation: Activation? = .some(.none)
    ) throws -> WindowScorer {
        try WindowScorer(
            RecognizerOptions(
                model: Golden.path(model), adapters: adapter.map { [Golden.path($0)] } ?? [], threads: 2,
                activation: activation))
    }

    private static func records(_ classifier: FileClassifier, _ path: String) throws -> [BatchRecord] {
        var records: [BatchRecord] = []
        try classifier.classify(path: path) { records.append($0) }
        return records
    }

    private static func logits(_ record: BatchRecord) -> [Float] {
        record.labels.sorted { $0.index < $1.index }.map(\.score)
    }

    @Test(arguments: try Golden.load().cases)
    func `The logits of a file match transformers'`(_ golden: Golden.Case) throws {
        let scorer = try Self.scorer(golden.model, adapter: golden.adapter)
        let classifier = FileClassifier(scorer, topK: nil, minimumScore: nil)
        let first = try #require(try Self.records(classifier, Golden.path(golden.clip)).first)
        let wanted = try ArrayFile(golden: golden.reference).floats("logits")
        // The oracle's features have its rounding errors, and those move its logits by this much.
        #expect(largestDifference(Self.logits(first), wanted) <= golden.tolerance.endToEnd)
        let ranked = first.labels.map(\.score)
        #expect(ranked == ranked.sorted(by: >), "best first")
        #expect(first.labels.allSatisfy { $0.label == scorer.variants[0].labels[$0.index] })
    }

    @Test(arguments: [1, 7, 30, 96])
    func `A window has the same logits as its part of the file alone, to the last bit`(hopFrames: Int) throws
    {
        let path = Golden.path("clips/speech.wav")
        let scorer = try Self.scorer()
        let classifier = FileClassifier(
            scorer, topK: nil, minimumScore: nil, WindowRule(hopFrames: hopFrames))
        let records = try Self.records(classifier, path)
        #expect(records.count == (128 - 96 + hopFrames - 1) / hopFrames + 1)
        let reader = try AudioFileReader(path: path)
        var samples = [Float](repeating: 0, count: 30_000)
        let count = try samples.withUnsafeMutableBufferPointer { try reader.read(into: $0) }
        let variant = scorer.variants[0]
        let features = LiveFeatures(for: [variant])
        for (index, record) in records.enumerated() {
            let start = min(index * hopFrames, 128 - 96)
            #expect(abs(record.start - Double(start) / 100) < 1e-9)
            features.reset()
            samples[start * 160..<count].withUnsafeBufferPointer { features.append($0) }
            let alone = try #require(scorer.score(variant, features: features.window(of: variant, from: 0)))
            #expect(Self.logits(record) == Array(alone), "window \(index)")
        }
    }

    @Test func `A hop longer than the window leaves out sound between windows`() throws {
        let classifier = FileClassifier(
            try Self.scorer(), topK: 1, minimumScore: nil, WindowRule(hopFrames: 150))
        let spans = try Self.records(classifier, Golden.path("clips/long.wav")).map { [$0.start, $0.end] }
        #expect(spans == [[0, 0.96], [1.5, 2.46], [3, 3.96]])
    }

    @Test func `No window ends after its file, and files do not affect each other`() throws {
        let classifier = FileClassifier(try Self.scorer(), topK: nil, minimumScore: nil)
        let short = try Self.records(classifier, Golden.path("clips/short.wav"))
        #expect(short.map(\.start) == [0] && short.map(\.end) == [0.7])
        let long = try Self.records(classifier, Golden.path("clips/long.wav"))
        #expect(long.count == 5 && long.last?.end == 4.3)
        #expect(try Self.records(classifier, Golden.path("clips/short.wav")) == short, "after another file")
        #expect(short[0].file == Golden.path("clips/short.wav"))
    }

    @Test func `A record contains the best labels that reach the minimum score`() throws {
        let path = Golden.path("clips/speech.wav")
        let scorer = try Self.scorer(activation: .softmax)
        let all = try Self.records(
            FileClassifier(scorer, topK: nil, minimumScore: nil), path)[0].labels
        #expect(all.count == 12 && abs(all.map(\.score).reduce(0, +) - 1) < 1e-5)
        let three = FileClassifier(scorer, topK: 3, minimumScore: nil)
        #expect(try Self.records(three, path)[0].labels == Array(all.prefix(3)))
        let minimum = all[4].score
        let above = FileClassifier(scorer, topK: 10, minimumScore: minimum)
        #expect(try Self.records(above, path)[0].labels == Array(all.prefix(5)))
        let none = FileClassifier(scorer, topK: nil, minimumScore: 1)
        #expect(try Self.records(none, path).map(\.labels) == [[], []], "every window still has a record")
    }

    @Test(arguments: [("clips/too-short.wav", "too_short"), ("clips/empty.wav", "empty")])
    func `A file without a complete frame is an error`(clip: String, code: String) throws {
        #expect(try Golden.load().withoutFeatures.contains(clip))
        let classifier = FileClassifier(try Self.scorer(), topK: nil, minimumScore: nil)
        let path = Golden.path(clip)
        var failures: [FileClassifier.Failure] = []
        do { _ = try Self.records(classifier, path) } catch let error as FileClassifier.Failure {
            failures.append(error)
        }
        do { _ = try classifier.firstFeatures(path: path) } catch { failures.append(error) }
        #expect(failures.map(\.code) == [code, code])
        #expect(failures.allSatisfy { $0.message.hasPrefix(path) })
        if code == "too_short" {
            #expect(
                failures[0].message
                    == "\(path) is too short: 399 samples at 16 kHz, but one frame needs 400 (25 ms)")
        }
    }

    @Test func `NaN scores are an error, not a record`() throws {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/stride10"), to: "model")
        let weights = model + "/model.safetensors"
        var bytes = try TestFolder.bytes(of: weights)
        let start = try ArrayFile(path: weights).byteRange("classifier.dense.bias").lowerBound
        bytes.replaceSubrange(start..<start + 4, with: [0, 0, 0xC0, 0x7F])
        try folder.write(bytes, to: "model/model.safetensors")
        let scorer = try WindowScorer(RecognizerOptions(model: model, threads: 1))
        let classifier = FileClassifier(scorer, topK: nil, minimumScore: nil)
        do throws(FileClassifier.Failure) {
            try classifier.classify(path: Golden.path("clips/speech.wav")) { Issue.record("\($0)") }
            Issue.record("it was classified")
        } catch {
            #expect(error.code == "not_finite")
            #expect(
                error.message.hasPrefix(
                    Golden.path("clips/speech.wav: the model produced NaN or infinite scores")))
        }
    }

    @Test(arguments: ["stride10/speech", "stride10/short", "odd/noise", "no-normalize/short"])
    func `The exported features are those that are classified`(id: String) throws {
        let golden = try #require(try Golden.load().cases.first { $0.id == id })
        let scorer = try Self.scorer(golden.model)
        let classifier = FileClassifier(scorer, topK: nil, minimumScore: nil)
        let features = try classifier.firstFeatures(path: Golden.path(golden.clip))
        let wanted = try ArrayFile(golden: golden.features).floats("features")
        #expect(largestDifference(features, wanted) <= 1e-5 + golden.tolerance.oracleFeatures)
    }
}
