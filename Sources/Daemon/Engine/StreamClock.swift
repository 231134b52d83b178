private import Frontend

/// Converts positions in the stream to times.
///
/// Samples are timestamped with CLOCK_BOOTTIME. The wall clock may jump; it is used only to format times,
/// never to compute durations.
struct StreamClock: Equatable {
    /// One past the newest sample.
    private var endSample: Int64 = 0
    /// When the newest sample was captured, in nanoseconds of CLOCK_BOOTTIME.
    private var lastNanos: Int64 = 0
    /// The wall clock at that moment minus `lastNanos`.
    private var wallOffsetNanos: Int64 = 0

    private static let nanosPerSample = 1_000_000_000 / Int64(FrontendConfig.sampleRateHz)

    /// The sample before `endSample` was captured at `nanos`.
    mutating func update(endSample: Int64, nanos: Int64, wallOffsetNanos: Int64) {
        self.endSample = endSample
        lastNanos = nanos
        self.wallOffsetNanos = wallOffsetNanos
    }

    /// When the sample before `position` was captured, in nanoseconds of CLOCK_BOOTTIME.
    func nanos(ofSampleBefore position: Int64) -> Int64 {
        lastNanos - (endSample - position) * Self.nanosPerSample
    }

    /// The position that the stream would have reached at `nanos` of CLOCK_BOOTTIME, had samples arrived
    /// until then.
    func position(atNanos nanos: Int64) -> Int64 {
        endSample + (nanos - lastNanos) / Self.nanosPerSample
    }

    /// When the sample before `position` was captured, in nanoseconds since 1970-01-01 UTC.
    func unixNanos(ofSampleBefore position: Int64) -> Int64 {
        nanos(ofSampleBefore: position) + wallOffsetNanos
    }
}
