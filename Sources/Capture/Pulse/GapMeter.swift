/// Measures the gaps of a live stream. No I/O.
///
/// When a stream begins, the sound server knows the age of its first samples only roughly. Each gap is
/// therefore measured from where the stream should be by the clock, not from where the last gap has put it:
/// errors of tens of milliseconds do not add up over many interruptions. The clock of the sound card differs
/// from the system's, too; that difference is followed while samples arrive, so that a gap does not make up
/// for it.
package struct GapMeter {
    /// When the last sample that arrived was captured, on the clock that includes sleep (CLOCK_BOOTTIME).
    private var lastSampleNanos: Int64?
    /// Samples so far, with those in gaps.
    private var position: Int64 = 0
    /// When the sample at position 0 was captured, if the samples after a gap were put in the right place.
    private var originNanos: Int64?
    /// The same by the last samples, whose place may be wrong; nil while their age is not known exactly.
    private var measuredOriginNanos: Int64?
    /// Samples that have arrived since the last gap; nil before the first gap.
    private var samplesSinceGap: Int64?
    private var sleptNanos: Int64 = 0
    private var isInGap = false

    /// The two clocks are read one after the other; a shorter difference is not a sleep.
    private static let shortestSleepNanos: Int64 = 100_000_000
    /// Samples after which their age is known exactly: a second.
    private static let settlingSamples = Int64(CaptureFormat.sampleRateHz)
    /// A larger error was not caused by the ages of the first samples.
    private static let largestErrorNanos: Int64 = 250_000_000

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

    /// Records that the server has lost samples.
    package mutating func recordLoss(samples: Int64) { position += samples }

    /// Records that samples have arrived.
    ///
    /// - Parameters:
    ///   - samples: Their number.
    ///   - lastSampleNanos: When the last of them was captured, in nanoseconds since the machine started.
    /// - Returns: Length of the gap before them in samples: the time from the last sample before the gap to
    ///   the first of these, and at least 1 after an interruption, so that no window contains both sides of
    ///   it. 0 when there was no interruption.
    package mutating func recordArrival(samples: Int, lastSampleNanos: Int64) -> Int64 {
        var gap: Int64 = 0
        if isInGap, let before = self.lastSampleNanos {
            gap = gapSamples(after: before, firstNanos: lastSampleNanos - nanos(Int64(samples)))
            position += gap
            samplesSinceGap = 0
        }
        isInGap = false
        self.lastSampleNanos = lastSampleNanos
        position += Int64(samples)
        follow(originNanos: lastSampleNanos - nanos(position), samples: Int64(samples))
        return gap
    }

    private mutating func gapSamples(after before: Int64, firstNanos: Int64) -> Int64 {
        measuredOriginNanos = nil
        let sinceLast = firstNanos - before
        let byOrigin = originNanos.map { firstNanos - ($0 + nanos(position)) } ?? sinceLast
        let isPlausible = abs(byOrigin - sinceLast) <= Self.largestErrorNanos
        let step = CaptureFormat.nanosPerSample
        let gap = max(1, ((isPlausible ? byOrigin : sinceLast) + step / 2) / step)
        if !isPlausible { originNanos = firstNanos - nanos(position + gap) }
        return gap
    }

    private mutating func follow(originNanos measured: Int64, samples: Int64) {
        if let since = samplesSinceGap {
            samplesSinceGap = since + samples
            guard since >= Self.settlingSamples else { return }
        }
        originNanos = (originNanos ?? measured) + measured - (measuredOriginNanos ?? measured)
        measuredOriginNanos = measured
    }

    private func nanos(_ samples: Int64) -> Int64 { samples * CaptureFormat.nanosPerSample }
}
