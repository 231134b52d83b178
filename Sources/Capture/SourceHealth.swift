/// Keeps the health of a source that may come and go, and says what is news. No I/O.
package struct SourceHealth {
    package private(set) var state: SourceEvent.State?
    private var waitNanos = Self.shortestWaitNanos

    private static let shortestWaitNanos: Int64 = 100_000_000
    private static let longestWaitNanos: Int64 = 2_000_000_000

    package init() {}

    /// Moves to a state.
    ///
    /// - Returns: Whether that is news: the first `healthy`, and every change after it. A source that never
    ///   was healthy can be lost, too, but it cannot be recovering.
    package mutating func move(to next: SourceEvent.State) -> Bool {
        if next == .healthy { waitNanos = Self.shortestWaitNanos }
        if next == state || (next == .recovering && state != .lost && state != .paused) { return false }
        state = next
        return true
    }

    /// How long to wait before the next attempt: 0.1 s, doubling to 2 s, until it is healthy again.
    package mutating func nextWaitNanos() -> Int64 {
        defer { waitNanos = min(waitNanos * 2, Self.longestWaitNanos) }
        return waitNanos
    }
}

/// Measures how much of a live stream went by unheard. No I/O.
package struct StreamClock {
    /// When the last sample that arrived was heard, in nanoseconds of the monotonic clock.
    private var lastSampleNanos: Int64?
    private var isBroken = false

    package init() {}

    /// The stream broke off; the next samples come from a new one.
    package mutating func noteBreak() { isBroken = true }

    /// Samples have arrived.
    ///
    /// - Parameters:
    ///   - samples: How many.
    ///   - lastSampleNanos: When the last of them was heard, in nanoseconds of the monotonic clock.
    /// - Returns: How many samples are missing before them: what fits between the last sample of the stream
    ///   that broke off and the first of these. 0 inside a stream.
    package mutating func noteArrival(samples: Int, lastSampleNanos: Int64) -> Int64 {
        defer {
            self.lastSampleNanos = lastSampleNanos
            isBroken = false
        }
        guard isBroken, let before = self.lastSampleNanos else { return 0 }
        let step = CaptureFormat.nanosPerSample
        let firstSampleNanos = lastSampleNanos - Int64(samples) * step
        return max(0, (firstSampleNanos - before + step / 2) / step)
    }
}
