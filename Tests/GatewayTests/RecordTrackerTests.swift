import Testing
import Wire

@testable import Gateway

@Suite struct RecordTrackerTests {
    private func start(
        _ cursor: HistoryCursor?, missedPredictions: UInt64 = 0, missedEvents: Bool = false,
        active: Set<String> = []
    ) -> RecordTracker.Start {
        RecordTracker.Start(
            hello: Fixture.hello, daemonBegin: Fixture.time(0), activeEvents: active,
            resumption: .init(
                run: Fixture.run, isSameRun: cursor?.run == Fixture.run, missedPredictions: missedPredictions,
                hasMissedEvents: missedEvents), cursor: cursor, now: Fixture.time(500))
    }

    private let same = HistoryCursor(run: Fixture.run, seq: 7, time: Fixture.time(7))
    private let earlier = HistoryCursor(run: RunID("another"), seq: 900, time: Fixture.time(-60))

    @Test func `The cursor follows predictions and events, and does not go back`() {
        var tracker = RecordTracker(start(same))
        #expect(tracker.cursor == same && tracker.openingChanges().isEmpty)
        #expect(tracker.change(for: .prediction(Fixture.prediction(9, at: 9)), now: Fixture.time(9)) == nil)
        let event = Fixture.event(.begin, 1, at: 8, seq: 8)
        #expect(tracker.change(for: .event(event), now: Fixture.time(9)) == .event(event))
        #expect(tracker.cursor == HistoryCursor(run: Fixture.run, seq: 9, time: Fixture.time(9)))
    }

    @Test func `A first connection begins a run, and misses nothing`() {
        var tracker = RecordTracker(start(nil, missedPredictions: 40, missedEvents: true))
        #expect(tracker.openingChanges() == [.run(Fixture.hello, begin: Fixture.time(0))])
        #expect(tracker.cursor.seq == 0)
        #expect(tracker.change(for: .lost(Lost(count: 41)), now: Fixture.time(500)) == nil)
    }

    @Test func `A daemon that was restarted has interrupted events and a gap while it did not run`() {
        let tracker = RecordTracker(start(earlier))
        #expect(
            tracker.openingChanges() == [
                .interrupted(except: [], at: Fixture.time(-60)),
                .gap(HistoryGap(reason: .stopped, begin: Fixture.time(-60), end: Fixture.time(0))),
                .run(Fixture.hello, begin: Fixture.time(0)),
            ])
        #expect(tracker.cursor == HistoryCursor(run: Fixture.run, seq: 0, time: Fixture.time(0)))
    }

    @Test func `Missed events are a gap, and end those that are not in progress any more`() {
        var tracker = RecordTracker(start(same, missedPredictions: 40, missedEvents: true, active: ["a"]))
        #expect(tracker.openingChanges() == [.interrupted(except: ["a"], at: Fixture.time(7))])
        #expect(
            tracker.change(for: .lost(Lost(count: 41)), now: Fixture.time(501))
                == .gap(HistoryGap(reason: .missed(1), begin: Fixture.time(7), end: Fixture.time(500))))
        // A later one is records that this connection read too slowly.
        #expect(
            tracker.change(for: .lost(Lost(count: 2)), now: Fixture.time(502))
                == .gap(HistoryGap(reason: .missed(2), begin: Fixture.time(7), end: Fixture.time(502))))
    }

    @Test func `Predictions that are not held any more are not a gap`() {
        var tracker = RecordTracker(start(same, missedPredictions: 40))
        #expect(tracker.change(for: .lost(Lost(count: 40)), now: Fixture.time(500)) == nil)
    }

    @Test func `The times of a gap come from the prediction before it`() {
        var tracker = RecordTracker(start(same))
        _ = tracker.change(for: .prediction(Fixture.prediction(9, at: 9)), now: Fixture.time(9))
        let gap = Gap(startSample: 9 * 16_000, endSample: 10 * 16_000 + 8000, reason: .sourceLost)
        #expect(
            tracker.change(for: .gap(gap), now: Fixture.time(30))
                == .gap(
                    HistoryGap(reason: .samples(gap), begin: Fixture.time(9), end: Fixture.time(10.5))))
    }
}
