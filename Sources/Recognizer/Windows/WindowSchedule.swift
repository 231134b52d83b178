/// Which frames the next window covers. Counts in frames from the start of a stretch, not in samples.
///
/// Windows start at 0, hop, 2 hop, ... The last window of a stretch is the first one that reaches its last
/// frame; it is padded.
///
///     frames    0         hop       2 hop     3 hop
///     window 0  ├──────────────┤
///     window 1            ├──────────────┤
///     window 2                      ├──────────┄┄┄┄┤      the stretch ends here: padded
///                                              ▲
///                                              frames
struct WindowSchedule: Equatable, Sendable {
    private(set) var windowFrames: Int
    let hopFrames: Int
    /// The frame at which the next window starts unless windows are skipped.
    private(set) var nextStart = 0
    /// Frames from the stretch's start that dequeued windows cover.
    private var coveredFrames = 0

    init(windowFrames: Int, hopFrames: Int) {
        precondition(windowFrames >= 1 && hopFrames >= 1)
        self.windowFrames = windowFrames
        self.hopFrames = hopFrames
    }

    struct Due: Equatable {
        /// The frame at which the window starts.
        var start: Int
        var skippedWindows: Int
    }

    /// Dequeues the newest of the windows that are complete with `frames` frames and skips the older ones.
    ///
    /// - Returns: `nil` when no window is complete.
    mutating func dequeueNewest(frames: Int) -> Due? {
        guard frames >= nextStart + windowFrames else { return nil }
        return dequeue(skipping: (frames - windowFrames - nextStart) / hopFrames, frames: frames)
    }

    /// Dequeues the oldest of the complete windows. Skips only windows that start before `oldestFrame`, the
    /// oldest frame in memory.
    mutating func dequeueOldest(frames: Int, oldestFrame: Int) -> Due? {
        let lost = max(0, oldestFrame - nextStart + hopFrames - 1) / hopFrames
        return frames >= nextStart + lost * hopFrames + windowFrames
            ? dequeue(skipping: lost, frames: frames) : nil
    }

    /// Dequeues the padded window at the end of a stretch of `frames` frames.
    ///
    /// - Returns: `nil` when earlier windows cover every frame.
    mutating func dequeueLast(frames: Int) -> Due? {
        needsLast(frames: frames) ? dequeue(skipping: 0, frames: frames) : nil
    }

    /// Dequeues the padded window at an interruption after `frames` frames, after which the stretch may
    /// continue.
    ///
    /// - Returns: `nil` when earlier windows cover every frame, or when dequeuing the window would leave
    ///   frames uncovered: the window after it would start after the interruption.
    mutating func dequeueInterrupted(frames: Int) -> Due? {
        frames >= nextStart + hopFrames ? dequeueLast(frames: frames) : nil
    }

    /// Whether the next window is complete with `frames` frames.
    func isComplete(frames: Int) -> Bool { frames >= nextStart + windowFrames }

    /// Whether a stretch that ends after `frames` frames has frames that no dequeued window covers.
    func needsLast(frames: Int) -> Bool { nextStart < frames && coveredFrames < frames }

    /// Drops the windows that end at or before frame `end`. They are not counted as skipped.
    mutating func dropWindows(endingBy end: Int) {
        let first = startOfFirst(endingAfter: end)
        guard first > nextStart else { return }
        nextStart = first
        coveredFrames = max(coveredFrames, first - hopFrames + windowFrames)
    }

    /// The frame at which the first window that ends after frame `end` starts.
    func startOfFirst(endingAfter end: Int) -> Int {
        end < windowFrames ? 0 : ((end - windowFrames) / hopFrames + 1) * hopFrames
    }

    mutating func restart() { (nextStart, coveredFrames) = (0, 0) }

    /// Changes the length of the windows that follow. The next window starts at a multiple of the hop, and
    /// not before `oldestFrame`. It ends at the frame at which it would have ended, or as soon as possible
    /// after it.
    mutating func change(windowFrames frames: Int, oldestFrame: Int) {
        guard frames != windowFrames else { return }
        let earliest = max(0, oldestFrame, nextStart + windowFrames - frames)
        nextStart = (earliest + hopFrames - 1) / hopFrames * hopFrames
        windowFrames = frames
    }

    private mutating func dequeue(skipping skipped: Int, frames: Int) -> Due {
        let start = nextStart + skipped * hopFrames
        nextStart = start + hopFrames
        coveredFrames = min(start + windowFrames, frames)
        return Due(start: start, skippedWindows: skipped)
    }
}
