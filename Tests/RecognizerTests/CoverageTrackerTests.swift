import Testing

@testable import Recognizer

@Suite struct CoverageTrackerTests {
    @Test func `Windows at every hop leave no gap`() {
        var coverage = CoverageTracker()
        for start in stride(from: Int64(0), to: 10_000, by: 200) {
            #expect(coverage.cover(window: start..<start + 1_000, hop: 200, skipped: 0) == [])
            #expect(coverage.coveredSample == start + 1_000)
        }
    }

    @Test func `A skipped window is a gap as long as its hop`() {
        var coverage = CoverageTracker()
        _ = coverage.cover(window: 0..<1_000, hop: 200, skipped: 0)
        #expect(coverage.cover(window: 600..<1_600, hop: 200, skipped: 2) == [1_000..<1_400])
        #expect(coverage.cover(window: 800..<1_800, hop: 200, skipped: 0) == [])
    }

    @Test func `Windows skipped before the first one are a gap up to its start`() {
        var coverage = CoverageTracker()
        #expect(coverage.cover(window: 400..<1_400, hop: 200, skipped: 2) == [0..<400])
    }

    @Test func `A reported gap is not reported again as skipped`() {
        var coverage = CoverageTracker()
        _ = coverage.cover(window: 0..<1_000, hop: 200, skipped: 0)
        coverage.bridge(1_050..<1_120)
        coverage.bridge(1_300..<2_000)
        #expect(
            coverage.cover(window: 1_400..<2_400, hop: 200, skipped: 6) == [
                1_000..<1_050, 1_120..<1_300, 2_000..<2_200,
            ])
        #expect(coverage.cover(window: 1_600..<2_600, hop: 200, skipped: 0) == [])
    }

    @Test func `Samples in no window are a gap when a new stretch starts`() {
        var coverage = CoverageTracker()
        _ = coverage.cover(window: 0..<1_000, hop: 200, skipped: 0)
        coverage.bridge(1_010..<1_020)
        #expect(coverage.restart(behind: 1_150..<9_000) == [1_000..<1_010, 1_020..<1_150])
        #expect(coverage.cover(window: 9_000..<10_000, hop: 200, skipped: 0) == [])
        // The padded window before a gap ends inside the gap.
        #expect(coverage.cover(window: 9_200..<10_110, hop: 200, skipped: 0) == [])
        #expect(coverage.restart(behind: 10_100..<20_000) == [])
        #expect(coverage.coveredSample == 20_000)
    }

    @Test func `Samples between windows that do not overlap are no gap`() {
        var coverage = CoverageTracker()
        #expect(coverage.cover(window: 0..<1_000, hop: 3_000, skipped: 0) == [])
        #expect(coverage.cover(window: 3_000..<4_000, hop: 3_000, skipped: 0) == [])
        #expect(coverage.cover(window: 9_000..<10_000, hop: 3_000, skipped: 1) == [4_000..<7_000])
    }
}
