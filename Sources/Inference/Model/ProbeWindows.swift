/// The built-in windows on which a network in int8 is compared with fp32: features of typical sounds, made
/// from formulas.
enum ProbeWindows: String, CaseIterable {
    case silence, noise, tones, speech

    /// The log-mel energy of digital silence, ln(2^-23).
    private static let floor: Float = -15.942385

    /// Normalised log-mel energies, `[frames, mels]`, as the model's front end computes them.
    func features(_ settings: FeatureSettings) -> [Float] {
        var state: UInt32 = 1
        func random() -> Float {
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(state >> 8) / Float(1 << 23) - 1
        }
        var features: [Float] = []
        features.reserveCapacity(settings.frames * settings.melBins)
        for frame in 0..<settings.frames {
            for bin in 0..<settings.melBins {
                let energy = energy(
                    x: Float(bin) / Float(settings.melBins), frame: Float(frame), random: random())
                features.append(
                    settings.normalises
                        ? (max(energy, Self.floor) - settings.mean) / (2 * settings.standardDeviation)
                        : max(energy, Self.floor))
            }
        }
        return features
    }

    /// The natural logarithm of a mel bin's energy.
    ///
    /// - Parameters:
    ///   - x: The bin, 0...1.
    ///   - random: In -1...1.
    private func energy(x: Float, frame: Float, random: Float) -> Float {
        /// A triangle of height 1 and period 1.
        func wave(_ phase: Float) -> Float { abs(phase - phase.rounded(.down) - 0.5) * 2 }
        switch self {
        case .silence: return Self.floor
        // White noise at -20 dBFS: mel bins are wider at high frequencies.
        case .noise: return -7 + 10 * x.squareRoot() + 1.5 * random
        // A steady tone and its octave, and a siren.
        case .tones:
            let steady = 6 - 90 * min(abs(x - 0.35), abs(x - 0.55))
            let siren = 4 - 90 * abs(x - 0.6 - 0.2 * wave(frame / 90))
            return max(steady, siren, -13 + random)
        // Harmonics in syllables of a quarter of a second, with pauses.
        case .speech:
            let syllable = max(0, wave(frame / 25) - 0.2) * wave(frame / 310).squareRoot()
            let harmonics = 0.5 + 0.5 * wave(12 * x + frame / 400)
            return -11 + random + 16 * syllable * harmonics * (1 - 0.7 * x)
        }
    }
}
