private import Glibc

/// Whether it has been quiet for so long that a whole window holds nothing to classify.
///
/// A stretch is quiet when every piece of at most a tenth of a second is: a window with one short sound is not.
struct EnergyGate: Equatable {
    /// Mean square of a sample, relative to full scale, from which on a piece is a sound.
    private let thresholdPower: Double
    /// Samples since the last sound.
    private(set) var quietSamples = 0

    /// - Parameter thresholdDBFS: Root mean square relative to full scale, such as -60.
    init(thresholdDBFS: Double) { thresholdPower = pow(10, thresholdDBFS / 10) }

    /// - Parameter samples: The stream's next, a tenth of a second at most.
    mutating func hear(_ samples: UnsafeBufferPointer<Float>) {
        var sum = 0.0
        for sample in samples { sum += Double(sample * sample) }
        // Not below: what is no number is no silence either.
        if sum < thresholdPower * Double(samples.count) {
            quietSamples += samples.count
        } else if !samples.isEmpty {
            quietSamples = 0
        }
    }

    /// A hole in the stream is heard as silence.
    mutating func hearSilence(samples: Int) { quietSamples += samples }
}
