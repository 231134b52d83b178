/// All constants of the filterbank, with their units and origins.
///
/// The definition is Kaldi's `compute-fbank-feats` as `torchaudio.compliance.kaldi.fbank` implements it, with
/// the options that transformers' `ASTFeatureExtractor` passes (no dither, snip edges, power spectrum, log).
public struct FrontendConfig: Equatable, Sendable {
    /// The rate of the model's training data; `Capture` delivers the same.
    public static let sampleRateHz = 16_000
    /// 25 ms.
    public static let frameSamples = 400
    /// 10 ms.
    public static let frameShiftSamples = 160
    /// Frames are padded to the next power of two.
    public static let fftPoints = 512
    /// Kaldi's default coefficient; the first sample of a frame is used as its own predecessor.
    public static let preemphasis = 0.97
    /// Edges of the mel filters; the upper one is the Nyquist frequency.
    public static let lowFrequencyHz = 20.0
    public static let highFrequencyHz = 8000.0
    /// FLT_EPSILON; Kaldi raises smaller energies to it before the logarithm.
    public static let energyFloor = 1.1920928955078125e-07

    public var melBins: Int
    /// Frames of a window.
    public var windowFrames: Int
    /// The dataset's mean and standard deviation: a feature is (x - mean) / (2 deviation).
    /// `nil` for the logarithms themselves.
    public var normalisation: Normalisation?

    public struct Normalisation: Equatable, Sendable {
        public var mean: Double
        public var standardDeviation: Double

        public init(mean: Double, standardDeviation: Double) {
            self.mean = mean
            self.standardDeviation = standardDeviation
        }
    }

    public init(melBins: Int, windowFrames: Int, normalisation: Normalisation?) {
        self.melBins = melBins
        self.windowFrames = windowFrames
        self.normalisation = normalisation
    }

    /// Normalises the logarithm of an energy.
    public func normalised(_ logEnergy: Float) -> Float {
        guard let normalisation else { return logEnergy }
        return Float(
            (Double(logEnergy) - normalisation.mean) * (1 / (2 * normalisation.standardDeviation)))
    }

    /// The same front end without normalisation.
    var plain: FrontendConfig {
        FrontendConfig(melBins: melBins, windowFrames: windowFrames, normalisation: nil)
    }

    /// The value that pads a window that is longer than its audio: a normalised zero, as in transformers.
    public var paddingValue: Float {
        guard let normalisation else { return 0 }
        return Float(-normalisation.mean / (2 * normalisation.standardDeviation))
    }

    /// Number of samples that `windowFrames` frames cover.
    public var windowSamples: Int {
        (windowFrames - 1) * Self.frameShiftSamples + Self.frameSamples
    }

    /// Position of a frequency on the mel scale, from 0 at ``lowFrequencyHz`` to 1 at ``highFrequencyHz``.
    public static func melPosition(hertz: Double) -> Double {
        let low = MelBank.mel(lowFrequencyHz)
        return (MelBank.mel(hertz) - low) / (MelBank.mel(highFrequencyHz) - low)
    }

    /// Number of complete frames in a clip; 0 when it is shorter than one.
    public static func frames(inSamples samples: Int) -> Int {
        samples < frameSamples ? 0 : 1 + (samples - frameSamples) / frameShiftSamples
    }

    /// Positions of the samples that frames cover; the last frame covers more than its shift.
    ///
    /// - Parameter frames: At least one.
    public static func samples(ofFrames frames: Range<Int>) -> Range<Int64> {
        let begin = Int64(frames.lowerBound * frameShiftSamples)
        return begin..<begin + Int64((frames.count - 1) * frameShiftSamples + frameSamples)
    }

    /// Number of samples that the first `frames` frames cover.
    public static func samples(toFrames frames: Int) -> Int {
        frames == 0 ? 0 : (frames - 1) * frameShiftSamples + frameSamples
    }
}
