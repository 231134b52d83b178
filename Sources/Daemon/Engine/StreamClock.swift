private import Frontend

/// Converts positions in the stream to times.
///
/// There is one time for every position, and a time that was published is never revised: a window and the
/// events that begin or end with it have equal times. Between two such positions the time may be corrected,
/// so that it follows the clock although the sample clock drifts and samples arrive in bursts.
///
///     time │        ╱ corrected from here on
///          │      ╱╵
///          │    ╱  ╵
///          └───────┴──────▶ position
///                  published until
///
/// Samples arrive by CLOCK_BOOTTIME, which no one sets. The wall clock may jump; it only gives the date.
struct StreamClock: Equatable {
    /// How the times of a source relate to the arrival of its samples.
    enum Pace: Equatable, Sendable {
        /// Samples arrive soon after they were captured: times follow their arrival.
        case live
        /// Samples arrive at any speed (standard input): the first arrives when reading begins, the others
        /// follow by their position. Times follow the arrival while it is within half a second of that, and
        /// after the stream has stalled or was paused.
        case piped
        /// A recording that began at a time, in nanoseconds since 1970-01-01 UTC, or, without one, when its
        /// reading began. Its times are positions.
        case recorded(startUnixNanos: Int64?)
    }

    /// The times of the positions behind `start`, up to the next segment's start.
    private struct Segment: Equatable {
        var start: Int64
        /// When the sample before `start` was captured, in nanoseconds of CLOCK_BOOTTIME.
        var nanos: Int64
        /// The wall clock minus CLOCK_BOOTTIME.
        var wallOffsetNanos: Int64

        func nanos(before position: Int64) -> Int64 { nanos + (position - start) * nanosPerSample }
    }

    private let pace: Pace
    /// Oldest first; empty before the first sample.
    private var segments: [Segment] = []
    /// The last position whose time was published.
    private var publishedUntil = Int64.min
    /// One past the newest sample, and when it arrived.
    private var endSample: Int64 = 0
    private var arrivalNanos: Int64 = 0
    /// The least delay of an arrival since the last correction, and the position of that correction.
    private var leastDelayNanos = Int64.max
    private var correctedAt: Int64 = 0
    /// The least delay between the two corrections before.
    private var earlierDelayNanos: Int64 = 0

    private static let nanosPerSample = 1_000_000_000 / Int64(FrontendConfig.sampleRateHz)
    /// How often, in samples, and by how much at most the times are corrected: the clocks of sound devices
    /// drift by less than a thousandth of that. Less than the ten milliseconds between two windows, so that
    /// times only increase.
    private static let correctionInterval = Int64(FrontendConfig.sampleRateHz)
    private static let largestCorrectionNanos: Int64 = 5_000_000
    /// Delays up to this are jitter.
    private static let toleranceNanos: Int64 = 2_000_000
    /// A piped stream that is further from the clock is not captured now.
    private static let nearNanos: Int64 = 500_000_000
    /// A larger delay is not drift. It is followed at once if it stays: samples that were held back arrive
    /// with a delay that shrinks, and were captured in time.
    private static let jumpNanos: Int64 = 1_000_000_000
    private static let steadyNanos: Int64 = 100_000_000
    /// The wall clock is set when it jumps by more than this.
    private static let wallToleranceNanos: Int64 = 1_000_000
    /// A piped stream without samples for this long has stalled.
    private static let stallNanos: Int64 = 3_000_000_000
    private static let maximumSegments = 1024

    init(_ pace: Pace) { self.pace = pace }

    // MARK: Samples

    /// The sample before `endSample` has arrived at `nanos` of CLOCK_BOOTTIME.
    mutating func update(endSample: Int64, nanos: Int64, wallOffsetNanos: Int64) {
        let silenceNanos = nanos - arrivalNanos
        let newSamples = endSample - self.endSample
        (self.endSample, arrivalNanos) = (endSample, nanos)
        guard let segment = segments.last else {
            return begin(nanos: nanos, wallOffsetNanos: wallOffsetNanos)
        }
        if case .recorded = pace { return }
        let delay = nanos - segment.nanos(before: endSample)
        let isCorrected =
            switch pace {
            case .recorded: false
            case .piped: delay > 0 && silenceNanos > Self.stallNanos + newSamples * Self.nanosPerSample
            // Nothing was published yet: the earliest arrival is the one with the least delay.
            case .live: publishedUntil == .min && delay < 0
            }
        if isCorrected { correct(by: delay) }
        follow(isCorrected ? 0 : delay)
        if abs(wallOffsetNanos - segment.wallOffsetNanos) > Self.wallToleranceNanos {
            correct(by: 0, wallOffsetNanos: wallOffsetNanos)
        }
    }

    private mutating func begin(nanos: Int64, wallOffsetNanos: Int64) {
        // The first sample of the stream begins at position 0.
        let start = nanos - endSample * Self.nanosPerSample
        var offset = wallOffsetNanos
        if case .recorded(let unixNanos?) = pace { offset = unixNanos - start }
        segments = [Segment(start: 0, nanos: start, wallOffsetNanos: offset)]
        correctedAt = endSample
    }

    /// Lets the times follow the arrival of the samples, slowly.
    private mutating func follow(_ delay: Int64) {
        leastDelayNanos = min(leastDelayNanos, delay)
        guard endSample - correctedAt >= Self.correctionInterval else { return }
        let delay = leastDelayNanos
        (leastDelayNanos, correctedAt) = (.max, endSample)
        if abs(delay) <= Self.toleranceNanos { return }
        defer { earlierDelayNanos = delay }
        if delay > Self.jumpNanos, pace == .live {
            if abs(delay - earlierDelayNanos) < Self.steadyNanos { correct(by: delay) }
            return
        }
        if abs(delay) > Self.nearNanos, pace == .piped { return }
        correct(by: min(max(delay, -Self.largestCorrectionNanos), Self.largestCorrectionNanos))
    }

    /// Shifts the times of the positions that were not published.
    private mutating func correct(by nanos: Int64, wallOffsetNanos: Int64? = nil) {
        guard var segment = segments.last else { return }
        if publishedUntil > segment.start {
            segment.nanos = segment.nanos(before: publishedUntil)
            segment.start = publishedUntil
            if segments.count == Self.maximumSegments { segments.removeFirst() }
            segments.append(segment)
        }
        segment.nanos += nanos
        if let wallOffsetNanos { segment.wallOffsetNanos = wallOffsetNanos }
        segments[segments.count - 1] = segment
        leastDelayNanos = .max
    }

    // MARK: Times

    /// When the sample before `position` arrived or will arrive, in nanoseconds of CLOCK_BOOTTIME: for
    /// latencies.
    func arrivalNanos(ofSampleBefore position: Int64) -> Int64 {
        arrivalNanos - (endSample - position) * Self.nanosPerSample
    }

    /// The position that the stream would have reached at `nanos` of CLOCK_BOOTTIME, had samples arrived
    /// until then.
    func position(atNanos nanos: Int64) -> Int64 {
        endSample + (nanos - arrivalNanos) / Self.nanosPerSample
    }

    /// When the sample before `position` was captured, in nanoseconds since 1970-01-01 UTC, for a record; it
    /// is not corrected afterwards.
    mutating func publish(ofSampleBefore position: Int64) -> Int64 {
        publishedUntil = max(publishedUntil, position)
        return unixNanos(ofSampleBefore: position)
    }

    /// When the sample before `position` was captured, in nanoseconds since 1970-01-01 UTC.
    func unixNanos(ofSampleBefore position: Int64) -> Int64 {
        let segment = segment(of: position)
        return segment.nanos(before: position) + segment.wallOffsetNanos
    }

    /// The time from one position to another in milliseconds, as the difference of their written times; if
    /// the wall clock was set in between, without that.
    func milliseconds(from begin: Int64, to end: Int64) -> Int64 {
        let offset = segment(of: end).wallOffsetNanos
        func written(_ position: Int64) -> Int64 {
            ((segment(of: position).nanos(before: position) + offset) / 1_000_000)
        }
        return max(0, written(end) - written(begin))
    }

    private func segment(of position: Int64) -> Segment {
        segments.last { $0.start < position } ?? segments.first
            ?? Segment(start: 0, nanos: 0, wallOffsetNanos: 0)
    }
}
