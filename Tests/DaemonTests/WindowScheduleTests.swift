import Testing

@testable import Daemon

@Suite struct WindowScheduleTests {
    @Test func `Windows follow each other at the hop`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        #expect(schedule.takeDue(frames: 95) == nil)
        for window in 0..<5 {
            let due = schedule.takeDue(frames: 96 + window * 20)
            #expect(due == .init(start: window * 20, skippedWindows: 0))
            #expect(schedule.takeDue(frames: 96 + window * 20) == nil, "once")
        }
    }

    @Test func `Who is late gets the newest window and is told of the others`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        _ = schedule.takeDue(frames: 96)
        let due = schedule.takeDue(frames: 96 + 3 * 20 + 7)
        #expect(due == .init(start: 60, skippedWindows: 2))
        #expect(schedule.takeDue(frames: 96 + 4 * 20)?.start == 80)
    }

    @Test(arguments: [(96, 96), (96, 40), (40, 96), (96, 200), (500, 30)], [7, 10, 20])
    func `A window of another length ends where the old one would have, or a little later`(
        lengths: (Int, Int), hop: Int
    ) {
        var schedule = WindowSchedule(windowFrames: lengths.0, hopFrames: hop)
        var frames = lengths.0
        for _ in 0..<9 {
            #expect(schedule.takeDue(frames: frames) != nil)
            frames += hop
        }
        // As many frames are kept as the old windows needed.
        let oldest = frames - lengths.0
        schedule.change(windowFrames: lengths.1, oldestFrame: oldest)
        #expect(schedule.windowFrames == lengths.1)
        while schedule.takeDue(frames: frames) == nil { frames += 1 }
        let start = schedule.nextStart - hop
        #expect(start >= oldest && start % hop == 0)
        #expect(start + lengths.1 == frames, "as soon as it is complete")
        let wouldHaveEnded = 9 * hop + lengths.0
        #expect(frames >= wouldHaveEnded)
        #expect(frames < max(wouldHaveEnded, oldest + lengths.1) + hop)
    }

    @Test func `When there is time for all, only windows whose frames are gone are skipped`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        #expect(schedule.takeNext(frames: 95, oldestFrame: 0) == nil)
        #expect(schedule.takeNext(frames: 200, oldestFrame: 0) == .init(start: 0, skippedWindows: 0))
        #expect(schedule.takeNext(frames: 200, oldestFrame: 20) == .init(start: 20, skippedWindows: 0))
        #expect(schedule.takeNext(frames: 200, oldestFrame: 61) == .init(start: 80, skippedWindows: 2))
        #expect(schedule.takeNext(frames: 195, oldestFrame: 61) == nil)
    }

    @Test func `A longer window at the very start waits until it is full`() {
        var schedule = WindowSchedule(windowFrames: 40, hopFrames: 10)
        schedule.change(windowFrames: 96, oldestFrame: 0)
        #expect(schedule.takeDue(frames: 95) == nil)
        #expect(schedule.takeDue(frames: 96)?.start == 0)
    }

    @Test(arguments: [(96, 20, 130), (96, 20, 136), (96, 20, 137), (96, 96, 150), (20, 50, 120)])
    func `Windows that end in a hole are not due, and none is counted as skipped`(
        window: Int, hop: Int, end: Int
    ) {
        var schedule = WindowSchedule(windowFrames: window, hopFrames: hop)
        _ = schedule.takeDue(frames: window)
        let first = schedule.startOfFirst(endingAfter: end)
        schedule.passOver(to: end)
        #expect(schedule.takeDue(frames: end) == nil)
        #expect(first + window > end && first + window <= max(end, window) + hop && first % hop == 0)
        #expect(schedule.takeDue(frames: first + window) == .init(start: first, skippedWindows: 0))
        // Not back to what was there before.
        schedule.passOver(to: 0)
        #expect(schedule.nextStart == first + hop)
    }

    @Test func `Where the stream breaks off the rest is a padded window, if the next can reach back to it`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 20)
        #expect(schedule.takeBroken(frames: 19) == nil)
        #expect(schedule.takeBroken(frames: 20)?.start == 0)
        #expect(schedule.takeBroken(frames: 60) == nil, "all of them were in a window")
        schedule.restart()
        _ = schedule.takeDue(frames: 96)
        #expect(schedule.takeBroken(frames: 96) == nil)
        #expect(schedule.takeBroken(frames: 97)?.start == 20)
        var whole = WindowSchedule(windowFrames: 96, hopFrames: 96)
        _ = whole.takeDue(frames: 96)
        #expect(whole.takeBroken(frames: 150) == nil)
        #expect(whole.nextStart == 96)
    }

    @Test func `The end of a stream is a padded window, unless all of it was in one`() {
        var schedule = WindowSchedule(windowFrames: 96, hopFrames: 96)
        #expect(schedule.takeLast(frames: 0) == nil)
        #expect(schedule.takeLast(frames: 50)?.start == 0)
        schedule.restart()
        _ = schedule.takeDue(frames: 96)
        #expect(schedule.takeLast(frames: 96) == nil)
        #expect(schedule.takeLast(frames: 97)?.start == 96)
    }
}
