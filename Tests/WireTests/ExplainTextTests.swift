import Testing
import Wire

@testable import astctl

@Suite struct ExplainTextTests {
    private static let report = ExplainReport(
        label: "Siren", index: 3, adapter: nil, state: .active, reason: "event run-3 continues", time: nil,
        score: 0.986,
        smoothedScore: 0.98, on: 0.5, off: 0.35, smoothing: 2, hits: 2, minimumHits: 2, mergeGapSeconds: 2,
        refractorySeconds: 6, refractoryUntil: nil, isAllowed: true, event: "run-3", eventBegin: nil,
        peakScore: nil
    )

    @Test func `An explanation is aligned, and uses the names of the settings`() {
        #expect(
            ExplainText.lines(Self.report) == [
                "Siren: active, event run-3 continues",
                "score      0.986, smoothed 0.980 over 2 windows",
                "on         0.500, 2 of 2 hits",
                "off        0.350, merge gap 2 s",
                "refractory 6 s after an event",
                "event      run-3 since ?",
            ])
    }

    @Test func `A minimum duration is shown with the estimate of the sound so far`() {
        var report = Self.report
        (report.state, report.minimumDurationSeconds) = (.rising, 1.5)
        #expect(ExplainText.lines(report)[3] == "duration   1.5 s at least")
        report.estimatedDurationSeconds = 0.43
        #expect(ExplainText.lines(report)[3] == "duration   1.5 s at least, now about 0.43 s")
    }

    @Test func `An event is shown with the hits among its windows`() {
        var report = Self.report
        (report.peakScore, report.eventHits, report.eventWindows) = (0.99, 5, 7)
        #expect(
            ExplainText.lines(report).last == "event      run-3 since ?, peak 0.990, hits: 5 of 7 windows")
    }

    @Test func `A value that does not exist is left out`() {
        var report = Self.report
        (report.state, report.reason) = (.paused, "source pulse is paused")
        (report.event, report.smoothedScore) = (nil, nil)
        #expect(ExplainText.lines(report)[1] == "score      0.986")
        report.score = nil
        let lines = ExplainText.lines(report)
        #expect(lines[1].hasPrefix("on "))
        #expect(!lines.joined().contains("none"))
    }
}
