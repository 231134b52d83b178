private import Frontend
private import Glibc
internal import Recognizer

/// Reduces the features of a stream to a coarse picture: ten columns per second, 64 bands.
///
/// A value without I/O.
struct SpectrumMeter {
    /// A tenth of a second.
    struct Column: Equatable {
        /// Frames since the last reset of the features.
        var frames: Range<Int>
        /// dB by band, the lowest first; a tone at full scale has about 0.
        var levels: [Int]
    }

    static let bands = 64
    private static let columnFrames = FrontendConfig.sampleRateHz / FrontendConfig.frameShiftSamples / 10
    private static let lowestLevel: Float = -120
    /// Energy of a tone at full scale in a band, in dB: half of a Hann window of 25 ms, squared.
    private static let fullScale: Float = 40

    /// The first frame of the next column.
    private var next = 0

    /// The frames start again at 0.
    mutating func reset() { next = 0 }

    /// The next column; nil before it is complete.
    mutating func nextColumn(of features: LiveFeatures) -> Column? {
        // Frames before a longer interruption are not stored any more.
        next = max(next, features.oldestFrame)
        let frames = next..<(next + Self.columnFrames)
        guard frames.upperBound <= features.frameCount else { return nil }
        next = frames.upperBound
        let mels = features.melBins
        let bands = min(Self.bands, mels)
        var energies = [Float](repeating: 0, count: bands)
        for frame in frames {
            let row = features.row(frame)
            for mel in 0..<mels { energies[mel * bands / mels] += exp(row[mel]) }
        }
        let count = Float(Self.columnFrames * mels) / Float(bands)
        return Column(
            frames: frames,
            levels: energies.map { energy in
                let level = 10 * log10(energy / count) - Self.fullScale
                // Compared this way round, NaN becomes the lowest level.
                return Int((level > Self.lowestLevel ? min(level, 20) : Self.lowestLevel).rounded())
            })
    }
}
