private import Frontend

/// When a sample was heard, and at which position of the stream a frame stands.
struct StreamClock: Equatable {
    /// Position of the sample at which frame 0 begins.
    private(set) var originSample: Int64 = 0
    private var lastSample: Int64 = 0
    /// One past the newest sample.
    var heardSample: Int64 { lastSample }
    /// When the newest sample was heard, in nanoseconds since the machine started.
    private var lastNanos: Int64 = 0
    /// What the wall clock said then, less `lastNanos`. It may jump: only times that are told depend on it.
    private var wallOffsetNanos: Int64 = 0

    private static let nanosPerSample = 1_000_000_000 / Int64(FrontendConfig.sampleRateHz)

    /// Samples up to position `endSample` are there, the last was heard at `nanos`.
    mutating func heard(upTo endSample: Int64, nanos: Int64, wallOffsetNanos: Int64) {
        lastSample = endSample
        lastNanos = nanos
        self.wallOffsetNanos = wallOffsetNanos
    }

    /// Frame 0 is now at `sample`.
    mutating func restart(at sample: Int64) { originSample = sample }

    /// Positions of the samples that frames `start..<start + count` reach over.
    func samples(ofFrames start: Int, count: Int) -> Range<Int64> {
        let samples = FrontendConfig.samples(ofFrames: start..<start + count)
        return originSample + samples.lowerBound..<originSample + samples.upperBound
    }

    /// The position at which a moment's sample ends: the inverse of ``unixNanos(ofSampleBefore:)``.
    func sample(atUnixNanos nanos: Int64) -> Int64 {
        lastSample + (nanos - wallOffsetNanos - lastNanos) / Self.nanosPerSample
    }

    /// When the sample before position `endSample` was heard, in nanoseconds since the machine started.
    func nanos(ofSampleBefore endSample: Int64) -> Int64 {
        lastNanos - (lastSample - endSample) * Self.nanosPerSample
    }

    /// When the sample before position `endSample` was heard, in nanoseconds since 1970-01-01 UTC.
    func unixNanos(ofSampleBefore endSample: Int64) -> Int64 {
        nanos(ofSampleBefore: endSample) + wallOffsetNanos
    }
}
