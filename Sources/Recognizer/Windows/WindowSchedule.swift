/// Which frames the next window covers. Counts in frames from the start of a stretch, not in samples.
///
/// Windows start at 0, hop, 2 hop, ...; after a change of the hop, one new hop after another from the last
/// window on. The last window of a stretch ends at its last frame. It is padded only when the stretch is
/// shorter than a window, or as ``LastWindow/padded``.
///
///     frames    0         hop       2 hop     3 hop
///     window 0  ├──────────────┤
///     window 1            ├──────────────┤
///     window 2                 ├──────────────┤           the stretch ends here: `end`
///       padded                      ├─────────┄┄┄┄┄┤
///                                             ▲
///                                             frames
struct WindowSchedule: Equatable, Sendable {
    private(set) var windowFrames: Int
    private(set) var hopFrames: Int
    let lastWindow: LastWindow
    /// A last window that would add fewer frames is left out, unless it is the only one.
    let minimumFrames: Int
    /// The frame at which the next window starts unless windows are skipped.
    private(set) var nextStart = 0
    /// Frames from the stretch's start that dequeued windows cover.
    private var coveredFrames = 0

    init(
        windowFrames: Int, hopFrames: Int, lastWindow: LastWindow = .end, minimumFrames: Int = 0
    ) {
        precondition(windowFrames >= 1 && hopFrames >= 1 && minimumFrames >= 0)
        self.windowFrames = windowFrames
        self.hopFrames = hopFrames
        self.lastWindow = lastWindow
        self.minimumFrames = minimumFrames
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
        guard hasOldest(frames: frames, oldestFrame: oldestFrame) else { return nil }
        return dequeue(skipping: lostWindows(oldestFrame: oldestFrame), frames: frames)
    }

    /// Dequeues the last window of a stretch of `frames` frames.
    ///
    /// - Parameters:
    ///   - duration: Frame shifts up to the last sample, which are one or two more than frames. A window that
    ///     ends by then is not moved for the sake of one or two frames.
    ///   - oldestFrame: The oldest frame in memory.
    /// - Returns: `nil` when earlier windows cover every frame.
    mutating func dequeueLast(frames: Int, duration: Int, oldestFrame: Int = 0) -> Due? {
        guard needsLast(frames: frames, duration: duration) else { return nil }
        let start = startOfLast(frames: frames, duration: duration, oldestFrame: oldestFrame)
        return dequeue(from: start, skipping: 0, frames: frames)
    }

    /// Dequeues the window that ends at an interruption after `frames` frames, after which the stretch may
    /// continue.
    ///
    /// - Returns: `nil` when earlier windows cover every frame, or when dequeuing the window would leave
    ///   frames uncovered: the window after it would start after the interruption.
    mutating func dequeueInterrupted(frames: Int, oldestFrame: Int = 0) -> Due? {
        frames >= nextStart + hopFrames
            ? dequeueLast(frames: frames, duration: frames, oldestFrame: oldestFrame) : nil
    }

    /// The frame at which the last window of a stretch starts.
    func startOfLast(frames: Int, duration: Int, oldestFrame: Int = 0) -> Int {
        guard lastWindow == .end, !fits(duration: duration) else { return nextStart }
        return min(nextStart, max(frames - windowFrames, oldestFrame, 0))
    }

    /// Whether ``dequeueOldest(frames:oldestFrame:)`` would return a window.
    func hasOldest(frames: Int, oldestFrame: Int) -> Bool {
        frames >= nextStart + lostWindows(oldestFrame: oldestFrame) * hopFrames + windowFrames
    }

    /// Windows that are not dequeued yet and start before `oldestFrame`.
    private func lostWindows(oldestFrame: Int) -> Int {
        max(0, oldestFrame - nextStart + hopFrames - 1) / hopFrames
    }

    /// Whether the next window is complete with `frames` frames.
    func isComplete(frames: Int) -> Bool { frames >= nextStart + windowFrames }

    /// Whether a stretch that ends after `frames` frames has frames that no dequeued window covers.
    func needsLast(frames: Int, duration: Int) -> Bool {
        rest(frames: frames) > 0 && !omitsRest(frames: frames, duration: duration)
    }

    /// Whether the frames that no dequeued window covers are too few for a window that has to be moved or
    /// padded.
    func omitsRest(frames: Int, duration: Int) -> Bool {
        coveredFrames > 0 && rest(frames: frames) < minimumFrames && !fits(duration: duration)
    }

    /// Whether the next window ends by the last sample.
    private func fits(duration: Int) -> Bool { nextStart + windowFrames <= duration }

    /// Frames at the end of a stretch that the last window would add.
    func rest(frames: Int) -> Int { max(0, frames - max(nextStart, coveredFrames)) }

    /// Drops the windows that end at or before frame `end`. They are not counted as skipped.
    mutating func dropWindows(endingBy end: Int) {
        let first = startOfFirst(endingAfter: end)
        guard first > nextStart else { return }
        nextStart = first
        coveredFrames = max(coveredFrames, first - hopFrames + windowFrames)
    }

    /// The frame at which the first window that is not dequeued yet and ends after frame `end` starts.
    func startOfFirst(endingAfter end: Int) -> Int {
        let frames = end - windowFrames - nextStart
        return frames < 0 ? nextStart : nextStart + (frames / hopFrames + 1) * hopFrames
    }

    mutating func restart() { (nextStart, coveredFrames) = (0, 0) }

    /// Changes the hop from the last dequeued window to the next, and those that follow. With a hop of at
    /// most a window's length, the next window starts before frames that no window covers.
    mutating func change(hopFrames hop: Int) {
        precondition(hop >= 1)
        if coveredFrames > 0 { nextStart = max(0, min(nextStart - hopFrames + hop, coveredFrames)) }
        hopFrames = hop
    }

    /// Changes the length of the windows that follow. The next window starts a multiple of the hop from where
    /// it would have started, and not before `oldestFrame`. It ends at the frame at which it would have
    /// ended, or as soon as possible after it.
    mutating func change(windowFrames frames: Int, oldestFrame: Int) {
        guard frames != windowFrames else { return }
        let earliest = max(0, oldestFrame, nextStart + windowFrames - frames)
        let distance = earliest - nextStart
        // Rounded up; division rounds negative distances up already.
        nextStart += (distance > 0 ? distance + hopFrames - 1 : distance) / hopFrames * hopFrames
        windowFrames = frames
    }

    private mutating func dequeue(skipping skipped: Int, frames: Int) -> Due {
        dequeue(from: nextStart + skipped * hopFrames, skipping: skipped, frames: frames)
    }

    /// - Parameter start: At or before the start that `skipped` windows lead to.
    private mutating func dequeue(from start: Int, skipping skipped: Int, frames: Int) -> Due {
        nextStart += (skipped + 1) * hopFrames
        coveredFrames = min(start + windowFrames, frames)
        return Due(start: start, skippedWindows: skipped)
    }
}
