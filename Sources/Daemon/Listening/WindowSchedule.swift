/// Which window of the live stream is classified next.
///
/// Windows begin at 0, hop, 2 hop, ... frames after the stream's first. The newest complete one is next; those
/// that were overtaken while an earlier one was computed are skipped, and counted. Those that would end in a hole are
/// not due at all.
struct WindowSchedule: Equatable {
    private(set) var windowFrames: Int
    let hopFrames: Int
    /// The frame at which the next window would begin if none had to be skipped.
    private(set) var nextStart = 0

    init(windowFrames: Int, hopFrames: Int) {
        precondition(windowFrames >= 1 && hopFrames >= 1)
        self.windowFrames = windowFrames
        self.hopFrames = hopFrames
    }

    struct Due: Equatable {
        /// The frame at which the window begins.
        var start: Int
        var skippedWindows: Int
    }

    /// The window to classify when `frames` frames are there; `nil` when none is complete. Moves on behind it.
    mutating func takeDue(frames: Int) -> Due? {
        guard frames >= nextStart + windowFrames else { return nil }
        let skipped = (frames - windowFrames - nextStart) / hopFrames
        return take(skipping: skipped)
    }

    /// As ``takeDue(frames:)``, when there is time for all: no window is skipped whose frames are still there.
    mutating func takeNext(frames: Int, oldestFrame: Int) -> Due? {
        let gone = max(0, oldestFrame - nextStart + hopFrames - 1) / hopFrames
        return frames >= nextStart + gone * hopFrames + windowFrames ? take(skipping: gone) : nil
    }

    /// The padded window at the end of a stream of `frames` frames: `nil` when all of them were in a window.
    mutating func takeLast(frames: Int) -> Due? {
        let reached = nextStart == 0 ? 0 : nextStart - hopFrames + windowFrames
        return nextStart < frames && reached < frames ? take(skipping: 0) : nil
    }

    /// The padded window at a place where the stream breaks off after `frames` frames: `nil` when all of them were in
    /// a window, or when the next window, should the stream go on soon, would begin too late to reach back to it.
    mutating func takeBroken(frames: Int) -> Due? {
        frames >= nextStart + hopFrames ? takeLast(frames: frames) : nil
    }

    /// A hole reaches up to frame `end`: the next window is the first that ends behind it.
    mutating func passOver(to end: Int) { nextStart = max(nextStart, startOfFirst(endingAfter: end)) }

    /// The frame at which the first window that ends behind frame `end` begins.
    func startOfFirst(endingAfter end: Int) -> Int {
        max(0, (end - windowFrames) / hopFrames + 1) * hopFrames
    }

    mutating func restart() { nextStart = 0 }

    /// From now on windows are `frames` long. The next one ends where it would have, or as soon after as the frames
    /// from `oldestFrame` on allow; it begins at a multiple of the hop.
    mutating func change(windowFrames frames: Int, oldestFrame: Int) {
        guard frames != windowFrames else { return }
        let earliest = max(0, oldestFrame, nextStart + windowFrames - frames)
        nextStart = (earliest + hopFrames - 1) / hopFrames * hopFrames
        windowFrames = frames
    }

    private mutating func take(skipping skipped: Int) -> Due {
        let start = nextStart + skipped * hopFrames
        nextStart = start + hopFrames
        return Due(start: start, skippedWindows: skipped)
    }
}
