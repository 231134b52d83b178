/// Measures the gaps of a live stream. No I/O.
package struct GapMeter {
    /// When the last sample that arrived was captured, on the clock that includes sleep (CLOCK_BOOTTIME).
    private var lastSampleNanos: Int64?
    private var sleptNanos: Int64 = 0
    private var isInGap = false

    /// The two clocks are read one after the other; a shorter difference is not a sleep.
    private static let shortestSleepNanos: Int64 = 100_000_000

    package init() {}

    /// The stream was interrupted; the next samples come after a gap.
    package mutating func beginGap() { isInGap = true }

    /// Starts a gap when the machine has slept since the last call.
    ///
    /// - Parameter nanos: How long the machine has slept since it started.
    package mutating func recordSleep(nanos: Int64) {
        if nanos - sleptNanos > Self.shortestSleepNanos { isInGap = true }
        sleptNanos = nanos
    }

    /// Records that samples have arrived.
    ///
    /// - Parameters:
    ///   - samples: Their number.
    ///   - lastSampleNanos: When the last of them was captured, in nanoseconds since the machine started.
    /// - Returns: Length of the gap before them in samples: the time from the last sample before the gap to
    ///   the first of these. 0 when there was no interruption.
    package mutating func recordArrival(samples: Int, lastSampleNanos: Int64) -> Int64 {
        defer {
            self.lastSampleNanos = lastSampleNanos
            isInGap = false
        }
        guard isInGap, let before = self.lastSampleNanos else { return 0 }
        let step = CaptureFormat.nanosPerSample
        let firstSampleNanos = lastSampleNanos - Int64(samples) * step
        return max(0, (firstSampleNanos - before + step / 2) / step)
    }
}
