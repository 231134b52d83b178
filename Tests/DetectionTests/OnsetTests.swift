import Testing

@testable import Detection

@Suite struct OnsetTests {
    @Test func `The onset is in the part of the first raised window that the window before it lacks`() {
        // Windows of 20 samples every 10: half a hop and 2 samples (0.25 s) before the window's end.
        var feed = Feed(hits: 2)
        _ = feed.update(0.1, 0.1, 0.9, 0.9, 0)
        let onset = SoundOnset(sample: 30 - 5 - 2, uncertaintySamples: 4 + 3)
        #expect(feed.onsets == [onset, onset], "of the begin and of the end")
        // A score that is raised, but no hit, may be the sound's first part; also before a dip.
        feed = Feed(on: 0.5)
        _ = feed.update(0.1, 0.1, 0.3, 0.9)
        #expect(feed.onsets.map(\.sample) == [30 - 7])
        feed = Feed(on: 0.5)
        _ = feed.update(0.1, 0.1, 0.15, 0.9)
        #expect(feed.onsets.map(\.sample) == [40 - 7], "less than a tenth of the rise")
    }

    @Test func `Only a window that overlaps with the first hit can contain its onset`() {
        var feed = Feed()
        _ = feed.update(0, 0.4, 0, 0.9)
        #expect(feed.onsets.map(\.sample) == [33], "of the window 10..<30, not of 0..<20")
    }

    @Test func `A sound in the first window of a stream or behind a gap may begin anywhere in it`() {
        var feed = Feed()
        _ = feed.update([0.9], window: 0..<20)
        #expect(feed.onsets == [SoundOnset(sample: 10, uncertaintySamples: 10)])
        _ = feed.update([0.9], window: 100..<120)
        #expect(feed.onsets.last == SoundOnset(sample: 110, uncertaintySamples: 10))
    }

    @Test func `After skipped windows the onset is less certain`() {
        var feed = Feed()
        _ = feed.update([0], window: 0..<40)
        _ = feed.update([0.9], window: 20..<60)
        #expect(feed.onsets == [SoundOnset(sample: 60 - 10 - 2, uncertaintySamples: 4 + 7)])
    }

    @Test func `The onset is after the sound of the label's last event`() {
        var feed = Feed()
        for (end, score) in [(40, 0), (50, 0.9), (60, 0.9), (70, 0.2), (80, 0.2), (90, 0), (100, 0.9)] {
            _ = feed.update([Float(score)], window: Int64(end - 40)..<Int64(end))
        }
        #expect(feed.onsets.map(\.sample) == [43, 43, 93])
    }
}
