import FoundationEssentials
import TestSupport
import Inference
import Recognizer
import Testing

@testable import Batch

@Suite struct BenchmarkTests {
    private struct Fields: Decodable {
        var windowMs: [Double]
        var stages: [String: Double]
        var featuresSeconds: Int
        var featuresMs: [String: Double]
        var windowSeconds: Double
        var loadMs: Double
        var threads: Int
        var kernels: String
        var rssBytes: Int
    }

    @Test func `A benchmark times the given number of windows and names threads and kernels`() throws {
        let scorer = try WindowScorer(RecognizerOptions(model: Golden.path("models/stride10"), threads: 2))
        let report = Benchmark.run(scorer, windows: 3, loadMilliseconds: 12.5, featureSeconds: 7)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let fields = try decoder.decode(Fields.self, from: Data(report.json.utf8))
        #expect(fields.windowMs.count == 3)
        #expect(fields.windowMs.allSatisfy { $0 > 0 })
        #expect(fields.windowSeconds == 0.96)
        #expect(fields.loadMs == 12.5)
        #expect(fields.threads == 2)
        #expect(fields.kernels == scorer.engine.kernelName)
        #expect(fields.rssBytes > 1_000_000)
        #expect(fields.stages.count == 6)
        #expect(fields.stages.values.allSatisfy { $0 > 0 })
        #expect(Set(fields.featuresMs.keys) == ["16000", "44100", "48000"])
        #expect(fields.featuresSeconds == 7)
        #expect(fields.featuresMs.values.allSatisfy { $0 > 0 })
        let lines = report.text.split(separator: "\n")
        try #require(lines.count == 8)
        #expect(lines[0] == "load            12.5 ms")
        #expect(lines[1].hasSuffix("median of 3 (0.96 s of audio, fp32, 2 threads, \(fields.kernels))"))
    }
}
