/// Where a sound began, as far as the scores of overlapping windows show it.
public struct SoundOnset: Equatable, Sendable {
    /// Position in the stream.
    public var sample: Int64
    /// Nine of ten sounds begin within so many samples of ``sample``.
    public var uncertaintySamples: Int64

    /// Measured with the default model; docs/detection.md has the figures.
    struct Constants: Sendable {
        /// A score is raised when it is above its label's baseline by this share of the rise to the highest.
        let raisedShare: Float = 0.1
        /// How much of a sound has to be in a window, at its end, to raise the score.
        let neededSamples: Int64
        private let leastUncertaintySamples: Int64

        init(sampleRateHz: Int) {
            neededSamples = Int64(sampleRateHz) / 4
            leastUncertaintySamples = Int64(sampleRateHz) * 2 / 5
        }

        /// - Parameter newSamples: Samples of the window that are not in the window before it.
        func uncertaintySamples(newSamples: Int64) -> Int64 { leastUncertaintySamples + newSamples * 7 / 20 }
    }

    public init(sample: Int64, uncertaintySamples: Int64) {
        self.sample = sample
        self.uncertaintySamples = uncertaintySamples
    }

    /// - Parameter place: The earliest window that contains the sound.
    init(in place: ScoreHistory.Place, _ constants: Constants) {
        let window = place.window
        guard let previousEnd = place.previousEnd, previousEnd < window.upperBound else {
            // Anywhere in the window.
            sample = (window.lowerBound + window.upperBound) / 2
            uncertaintySamples = (window.upperBound - window.lowerBound + 1) / 2
            return
        }
        let newSamples = window.upperBound - previousEnd
        sample = max(0, window.upperBound - newSamples / 2 - constants.neededSamples)
        uncertaintySamples = constants.uncertaintySamples(newSamples: newSamples)
    }
}
