internal import Capture

/// The last seconds of a live source at its own rate and with its own channels, addressed by positions at
/// 16 kHz: a circular buffer beside ``SoundHistory``.
///
/// Sample `n` since the format was set belongs to frame `n * rate / 16000`, rounded: a clip begins and ends
/// within half a frame of its 16 kHz samples, because the resampler compensates its delay.
struct OriginalHistory {
    /// Positions that follow each other, and their frames.
    private struct Stretch {
        /// All of its frames, as one chunk.
        var chunk: OriginalRing.Chunk
        /// The number of values before its first.
        var firstValue: Int64

        var end: Int64 { chunk.start + chunk.samples }
    }

    /// A range of the sound.
    struct Sound: Equatable, Sendable {
        /// Interleaved.
        var values: [Int16]
        var rateHz: Int
        var channels: Int
    }

    let seconds: Double
    private var values: [Int16] = []
    /// The number of all values so far.
    private var end: Int64 = 0
    private var stretches: [Stretch] = []
    /// How many bytes the format needs, where that is too much.
    private(set) var excessBytes: Int?

    /// Most memory of a source. 16-bit stereo at 48 kHz is 0.19 MB a second.
    static let maximumBytes = 64_000_000

    init(seconds: Double) { self.seconds = seconds }

    /// Takes the chunks that begin before a position from the ring.
    mutating func read(_ ring: OriginalRing, before position: Int64) {
        var last: OriginalRing.Chunk?
        while ring.pop(
            before: position,
            into: { chunk, values in
                if chunk != last { begin(chunk) }
                last = chunk
                append(values)
            })
        {}
    }

    /// The frames of a range of positions; `nil` where some are missing, or have another format than others.
    func copy(_ range: Range<Int64>) -> Sound? {
        guard
            let stretch = stretches.last(where: { $0.chunk.start <= range.lowerBound }),
            range.upperBound <= stretch.end, !range.isEmpty
        else { return nil }
        let (chunk, channels) = (stretch.chunk, Int64(stretch.chunk.channels))
        let first = stretch.firstValue + chunk.frame(at: range.lowerBound) * channels
        let last = stretch.firstValue + chunk.frame(at: range.upperBound) * channels
        guard first >= end - Int64(values.count) else { return nil }
        return Sound(
            values: (first..<last).map { values[Int($0 % Int64(values.count))] }, rateHz: chunk.rateHz,
            channels: chunk.channels)
    }

    private mutating func begin(_ chunk: OriginalRing.Chunk) {
        let last = stretches.last?.chunk
        let continues =
            last.map {
                $0.start + $0.samples == chunk.start && $0.resampled + $0.samples == chunk.resampled
                    && $0.rateHz == chunk.rateHz && $0.channels == chunk.channels
            } ?? false
        if continues {
            stretches[stretches.count - 1].chunk.samples += chunk.samples
            return
        }
        if last?.rateHz != chunk.rateHz || last?.channels != chunk.channels { setFormat(of: chunk) }
        // Those whose last value is overwritten.
        stretches.removeAll { stretch in
            let channels = Int64(stretch.chunk.channels)
            return stretch.firstValue + stretch.chunk.frames * channels <= end - Int64(values.count)
        }
        stretches.append(Stretch(chunk: chunk, firstValue: end))
    }

    private mutating func setFormat(of chunk: OriginalRing.Chunk) {
        stretches = []
        let count = Int(seconds * Double(chunk.rateHz)) * chunk.channels
        excessBytes = count * 2 > Self.maximumBytes ? count * 2 : nil
        values = excessBytes == nil ? [Int16](repeating: 0, count: count) : []
        end = 0
    }

    private mutating func append(_ new: UnsafeBufferPointer<Int16>) {
        guard !values.isEmpty else {
            stretches = []
            return
        }
        for value in new {
            values[Int(end % Int64(values.count))] = value
            end += 1
        }
    }
}
