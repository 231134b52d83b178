private import Frontend
private import Glibc
internal import Settings

/// Finds sounds that are loud for some time, whatever they are.
///
/// The level is that of the last ``LevelSettings/seconds``, and is computed every tenth of a second. Like the
/// level of a prediction, it is the root mean square relative to a full-scale square wave.
///
///     begin                             end
///     ▼                                 ▼
///     ├─ seconds ─┤ at least `above` ... ├─ seconds ─┤ below
///                 ▲ reported                         ▲ reported
struct LevelWatch {
    /// A sound above the limit, in positions of the stream.
    struct Sound: Equatable {
        var startSample: Int64
        var endSample: Int64
        /// The highest level.
        var levelDBFS: Double
    }

    enum Change: Equatable {
        case began(Sound)
        case ended(Sound)
    }

    let settings: LevelSettings
    /// Sums of squares of the last steps, as a ring; as many as ``LevelSettings/seconds`` has.
    private var steps: [Double]
    private var next = 0
    /// Steps since the last interruption.
    private var count = 0
    /// The step that is not complete.
    private var sumOfSquares = 0.0
    private var samples = 0
    private var sound: Sound?

    private static let stepSamples = FrontendConfig.sampleRateHz / 10

    init(_ settings: LevelSettings) {
        self.settings = settings
        steps = [Double](repeating: 0, count: max(1, Int((settings.seconds * 10).rounded())))
    }

    /// - Parameters:
    ///   - block: The stream's next samples: at most a tenth of a second, so that at most one change.
    ///   - position: Of the first of them.
    mutating func process(_ block: UnsafeBufferPointer<Float>, at position: Int64) -> Change? {
        guard let above = settings.above else { return nil }
        var change: Change?
        for (index, sample) in block.enumerated() {
            sumOfSquares += Double(sample * sample)
            samples += 1
            guard samples == Self.stepSamples else { continue }
            steps[next] = sumOfSquares
            next = (next + 1) % steps.count
            (sumOfSquares, samples, count) = (0, 0, count + 1)
            change = step(above, end: position + Int64(index) + 1) ?? change
        }
        return change
    }

    private mutating func step(_ above: Double, end: Int64) -> Change? {
        guard count >= steps.count else { return nil }
        let span = steps.count * Self.stepSamples
        let power = steps.reduce(0, +) / Double(span)
        // Compared this way round, a level that is NaN is not loud.
        guard power >= pow(10, above / 10) else { return finish() }
        let level = 10 * log10(power)
        guard let before = sound else {
            let sound = Sound(startSample: end - Int64(span), endSample: end, levelDBFS: level)
            self.sound = sound
            return .began(sound)
        }
        sound?.endSample = end
        sound?.levelDBFS = max(before.levelDBFS, level)
        return nil
    }

    private mutating func finish() -> Change? {
        defer { sound = nil }
        return sound.map { .ended($0) }
    }

    /// The stream was interrupted: the sound ends where it was measured last.
    mutating func interrupt() -> Change? {
        (sumOfSquares, samples, count) = (0, 0, 0)
        return finish()
    }
}
