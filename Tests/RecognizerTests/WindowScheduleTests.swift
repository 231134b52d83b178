import Testing

@testable import Recognizer

@Suite struct WindowScheduleTests {
    @Test func `Windows follow each other at the hop`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        #expect(schedule.dequeueNewest(frames: 95) == nil)
        for window in 0..<5 {
            let due = schedule.dequeueNewest(frames: 96 + window * 20)
            #expect(due == .init(start: window * 20, skippedWindows: 0))
            #expect(schedule.dequeueNewest(frames: 96 + window * 20) == nil, "once")
        }
    }

    @Test func `A late caller gets the newest window and the number of skipped ones`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        _ = schedule.dequeueNewest(frames: 96)
        let due = schedule.dequeueNewest(frames: 96 + 3 * 20 + 7)
        #expect(due == .init(start: 60, skippedWindows: 2))
        #expect(schedule.dequeueNewest(frames: 96 + 4 * 20)?.start == 80)
    }

    @Test(arguments: [(96, 96), (96, 40), (40, 96), (96, 200), (500, 30)], [7, 10, 20])
    func `A window of another length ends where the old one would have ended, or at most one hop later`(
        lengths: (Int, Int), hop: Int
    ) {
        var schedule = WindowSchedule(windowFrames: lengths.0, hopFrames: hop)
        var frames = lengths.0
        for _ in 0..<9 {
            #expect(schedule.dequeueNewest(frames: frames) != nil)
            frames += hop
        }
        // As many frames are kept as the old windows needed.
        let oldest = frames - lengths.0
        schedule.change(windowFrames: lengths.1, oldestFrame: oldest)
        #expect(schedule.windowFrames == lengths.1)
        while schedule.dequeueNewest(frames: frames) == nil { frames += 1 }
        let start = schedule.nextStart - hop
        #expect(start >= oldest && start % hop == 0)
        #expect(start + lengths.1 == frames, "as soon as it is complete")
        let wouldHaveEnded = 9 * hop + lengths.0
        #expect(frames >= wouldHaveEnded)
        #expect(frames < max(wouldHaveEnded, oldest + lengths.1) + hop)
    }

    @Test func `In order of age, only windows whose frames are no longer in memory are skipped`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        #expect(schedule.dequeueOldest(frames: 95, oldestFrame: 0) == nil)
        #expect(schedule.dequeueOldest(frames: 200, oldestFrame: 0) == .init(start: 0, skippedWindows: 0))
        #expect(schedule.dequeueOldest(frames: 200, oldestFrame: 20) == .init(start: 20, skippedWindows: 0))
        #expect(schedule.dequeueOldest(frames: 200, oldestFrame: 61) == .init(start: 80, skippedWindows: 2))
        #expect(schedule.dequeueOldest(frames: 195, oldestFrame: 61) == nil)
    }

    @Test func `A longer window at the start of the stream waits until it is complete`() {
        var schedule = WindowSchedule(windowFrames: 40, hopFrames: 10)
        schedule.change(windowFrames: 96, oldestFrame: 0)
        #expect(schedule.dequeueNewest(frames: 95) == nil)
        #expect(schedule.dequeueNewest(frames: 96)?.start == 0)
    }

    @Test(arguments: [(96, 20, 130), (96, 20, 136), (96, 20, 137), (96, 96, 150), (20, 50, 120)])
    func `Windows that end in a gap are dropped and not counted as skipped`(
        window: Int, hop: Int, end: Int
    ) {
        var schedule = WindowSchedule(windowFrames: window, hopFrames: hop)
        _ = schedule.dequeueNewest(frames: window)
        let first = schedule.startOfFirst(endingAfter: end)
        schedule.dropWindows(endingBy: end)
        #expect(schedule.dequeueNewest(frames: end) == nil)
        #expect(first + window > end && first + window <= max(end, window) + hop && first % hop == 0)
        #expect(schedule.dequeueNewest(frames: first + window) == .init(start: first, skippedWindows: 0))
        // Never back to earlier windows.
        schedule.dropWindows(endingBy: 0)
        #expect(schedule.nextStart == first + hop)
    }

    @Test func `At an interruption the rest is a padded window unless that leaves later samples uncovered`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        #expect(schedule.dequeueInterrupted(frames: 19) == nil)
        #expect(schedule.dequeueInterrupted(frames: 20)?.start == 0)
        #expect(schedule.dequeueInterrupted(frames: 20) == nil, "all frames are in a window")
        #expect(schedule.dequeueInterrupted(frames: 60)?.start == 0, "the padded window ended at frame 20")
        schedule.restart()
        _ = schedule.dequeueNewest(frames: 96)
        #expect(schedule.dequeueInterrupted(frames: 96) == nil)
        #expect(schedule.dequeueInterrupted(frames: 110)?.start == 14, "it is full")
        var whole = WindowSchedule(windowFrames: 96, hopFrames: 96)
        _ = whole.dequeueNewest(frames: 96)
        #expect(whole.dequeueInterrupted(frames: 150) == nil)
        #expect(whole.nextStart == 96)
    }

    @Test(arguments: [(LastWindow.end, 1), (.padded, 96)])
    func `There is no last window when every frame is covered`(last: LastWindow, start: Int) {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 96, lastWindow: last)
        #expect(schedule.dequeueLast(frames: 0, duration: 0) == nil)
        #expect(schedule.dequeueLast(frames: 50, duration: 50)?.start == 0)
        schedule.restart()
        _ = schedule.dequeueNewest(frames: 96)
        #expect(schedule.dequeueLast(frames: 96, duration: 97) == nil)
        #expect(schedule.dequeueLast(frames: 97, duration: 98)?.start == start)
    }

    @Test func `The last window starts at frames that are in memory, even if it is then padded`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        _ = schedule.dequeueNewest(frames: 96)
        #expect(schedule.dequeueLast(frames: 100, duration: 101, oldestFrame: 10)?.start == 10)
    }
}
