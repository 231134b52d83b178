import Detection
import TestSupport
import Recognizer
import Testing
import Wire

@testable import Batch

@Suite struct FileEventsTests {
    private static func variants(adapters: [String] = []) throws -> [Variant] {
        try WindowScorer(
            RecognizerOptions(
                model: Golden.path("models/stride10"), adapters: adapters.map { Golden.path($0) }, threads: 1)
        ).variants
    }

    /// A window, with a hop of one second.
    private static func window(_ number: Int, variant: Int = 0) -> WindowStream.Window {
        WindowStream.Window(
            variant: variant, frames: number * 100..<number * 100 + 96, startSeconds: Double(number),
            endSeconds: Double(number) + 0.96, featureCount: 0)
    }

    private static func scores(_ labels: Int, _ loud: Set<Int>) -> [Float] {
        (0..<labels).map { loud.contains($0) ? 0.9 : 0.1 }
    }

    private static var rules: DetectionRules {
        var rules = DetectionRules()
        rules.rule = DetectionRule(minimumHits: 1, mergeGapSeconds: 0)
        return rules
    }

    @Test func `Events are returned in the order of their begins, once no earlier one can follow`() throws {
        let variants = try Self.variants()
        let count = variants[0].labels.count
        var events = FileEvents(path: "a.wav", variants, Self.rules, hopFrames: 100)
        // Label 3 is active while 1 and 5 begin and end.
        var returned: [[BatchEvent]] = []
        for (number, loud) in [[], [3], [3, 5], [3, 1], [3], [], [5]].map(Set.init).enumerated() {
            returned.append(events.update(Self.scores(count, loud), of: Self.window(number)))
        }
        #expect(returned.map { $0.map(\.index) } == [[], [], [], [], [], [3, 5, 1], []])
        let first = returned[5]
        // A window's last sample is 0.975 s after its first.
        #expect(first.map(\.start) == [1.975, 2.975, 3.975])
        #expect(first.map(\.end) == [4.975, 2.975, 3.975])
        #expect(first.map { ($0.duration * 1000).rounded() } == [3000, 0, 0])
        #expect(first.allSatisfy { $0.peakScore == 0.9 })
        // Half a hop and 0.25 s before the end of the first window that contains the sound.
        #expect(first.map(\.onset) == [1.225, 2.225, 3.225])
        #expect(first.allSatisfy { $0.onsetUncertainty == 0.75 })
        #expect(first.map(\.windows) == [4, 1, 1] && first.map(\.hits) == [4, 1, 1])
        #expect(first.map(\.label) == [3, 5, 1].map { variants[0].labels[$0] })
        let last = events.finish()
        #expect(last.map(\.index) == [5])
        #expect(last.map(\.start) == [6.975])
        #expect(last.map(\.file) == ["a.wav"])
        #expect(events.finish().isEmpty)
    }

    @Test func `Each adapter has its own events, in one common order`() throws {
        let names = ["adapters/modern-qv", "adapters/patterns"]
        let variants = try Self.variants(adapters: names)
        var events = FileEvents(path: "a.wav", variants, Self.rules, hopFrames: 100)
        let counts = variants.map(\.labels.count)
        var returned: [BatchEvent] = []
        for (number, loud) in [(0, [[0], []]), (1, [[], [1]]), (2, [[], []])] {
            for variant in 0...1 {
                returned += events.update(
                    Self.scores(counts[variant], Set(loud[variant])),
                    of: Self.window(number, variant: variant))
            }
        }
        #expect(returned.map(\.index) == [0, 1])
        #expect(returned.map(\.adapter) == variants.map(\.adapter))
        #expect(returned.map(\.start) == [0.975, 1.975])
    }
}
