/// Measures how much of a live stream went by gapMeter. No I/O.
package struct GapMeter {
    /// When the last sample that arrived was heard, in nanoseconds of the clock that does not stop in a sleep.
    private var lastSampleNanos: Int64?
    private var sleptNanos: Int64 = 0
    private var isBroken = false

    /// The two clocks are read one after the other; what lies between is no sleep.
    private static let shortestSleepNanos: Int64 = 100_000_000

    package init() {}

    /// The stream broke off; the next samples come from a new one.
    package mutating func beginGap() { isBroken = true }

    /// The machine has slept for so long since it started; the stream broke off when that is more than before.
    package mutating func recordSleep(nanos: Int64) {
        if nanos - sleptNanos > Self.shortestSleepNanos { isBroken = true }
        sleptNanos = nanos
    }

    /// Samples have arrived.
    ///
    /// - Parameters:
    ///   - samples: How many.
    ///   - lastSampleNanos: When the last of them was heard, in nanoseconds since the machine started.
    /// - Returns: How many samples are missing before them: what fits between the last sample of the stream
    ///   that broke off and the first of these. 0 inside a stream.
    package mutating func recordArrival(samples: Int, lastSampleNanos: Int64) -> Int64 {
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
