private import Glibc

/// The sum of the squares of a block of samples, computed once for the gate and the meter.
struct SampleEnergy: Equatable {
    private(set) var sumOfSquares = 0.0
    private(set) var count: Int

    init(of samples: UnsafeBufferPointer<Float>) {
        count = samples.count
        for sample in samples { sumOfSquares += Double(sample * sample) }
    }
}

/// Counts how long the stream has been too quiet to be worth classifying.
///
/// A block is quiet when its mean square is below the threshold; blocks are at most a tenth of a second long,
/// so that a window with one short sound is not quiet.
struct EnergyGate: Equatable {
    /// Root mean square relative to full scale.
    let thresholdDBFS: Double
    /// The same as a mean square.
    private let thresholdPower: Double
    /// Samples since the last block that was not quiet.
    private(set) var quietSamples = 0

    /// - Parameter thresholdDBFS: Root mean square relative to full scale, such as -60.
    init(thresholdDBFS: Double) {
        self.thresholdDBFS = thresholdDBFS
        thresholdPower = pow(10, thresholdDBFS / 10)
    }

    /// - Parameter energy: Of the stream's next block, a tenth of a second at most.
    mutating func process(_ energy: SampleEnergy) {
        // Compared this way round, NaN counts as sound.
        if energy.sumOfSquares < thresholdPower * Double(energy.count) {
            quietSamples += energy.count
        } else if energy.count > 0 {
            quietSamples = 0
        }
    }

    /// Counts a bridged gap, which is silence, as quiet.
    mutating func processSilence(samples: Int) { quietSamples += samples }
}

/// The level since the last reading.
struct LevelMeter {
    private var sumOfSquares = 0.0
    private var count = 0

    mutating func process(_ energy: SampleEnergy) {
        sumOfSquares += energy.sumOfSquares
        count += energy.count
    }

    /// Returns the root mean square in dB relative to a full-scale square wave and starts a new measurement.
    ///
    /// - Returns: `nil` for digital silence or no samples.
    mutating func readDBFS() -> Double? {
        defer { self = LevelMeter() }
        guard count > 0, sumOfSquares > 0 else { return nil }
        return 10 * log10(sumOfSquares / Double(count))
    }
}
