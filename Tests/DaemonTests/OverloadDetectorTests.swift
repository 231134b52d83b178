import Testing

@testable import Daemon

@Suite struct OverloadDetectorTests {
    private struct Feed {
        var detector: OverloadDetector

        /// With a hop of half a second the span is ten seconds.
        init(hopFrames: Int = 50) { detector = OverloadDetector(hopFrames: hopFrames) }

        mutating func process(second: Double, skipped: Int) -> OverloadDetector.Change? {
            detector.process(windowEnd: Int64(second * 16_000), skipped: skipped)
        }

        /// Windows before which one was skipped, every `step` seconds.
        mutating func skip(every step: Double, until end: Double) -> [OverloadDetector.Change] {
            stride(from: 0, to: end, by: step).compactMap { process(second: $0, skipped: 1) }
        }
    }

    @Test func `An overload begins with the third skip in ten seconds and ends after ten without one`() {
        var feed = Feed()
        let changes = [
            (1.0, 0), (2, 1), (3, 1), (4, 2), (5, 1), (15, 0), (15.5, 0), (60, 0),
        ].map { feed.process(second: $0, skipped: $1) }
        #expect(changes == [nil, nil, nil, .began, nil, nil, .ended(skippedWindows: 5, seconds: 3), nil])
        #expect(!feed.detector.isOverloaded)
    }

    @Test func `A process that was stopped now and then is not overloaded`() {
        var feed = Feed()
        #expect(feed.skip(every: 12, until: 100) == [])
    }

    @Test func `A slow trickle of skips is one overload`() {
        var feed = Feed()
        #expect(feed.skip(every: 4, until: 200) == [.began])
        #expect(feed.detector.isOverloaded)
    }

    @Test func `With a long hop the span is ten hops`() {
        var feed = Feed(hopFrames: 1_000)
        #expect(feed.skip(every: 25, until: 300) == [.began])
    }

    @Test func `The message says what helps`() {
        func text(_ pass: Double, _ isQuantized: Bool = false) -> String {
            StreamCondition.overload(passMilliseconds: pass, hopMilliseconds: 500, isQuantized: isQuantized)
        }
        let start = "windows are skipped: a pass takes 900 ms, the hop is 500 ms: "
        #expect(text(900) == start + "raise hop or threads, or use int8")
        #expect(text(900, true) == start + "raise hop or threads")
        #expect(text(200).hasSuffix("give astd more of the processor, or raise hop"))
    }
}
