import Frontend
import TestSupport
import Testing

/// torchaudio computes the filterbank in single precision and is itself up to 0.02 (0.002 in normalised
/// units, of a DC-shifted sweep) away from the exact logarithm: an FFT's rounding noise fills bins that are
/// ten million times weaker than the strongest. Fbank computes in double precision, so it is compared with
/// the exact value, with a tolerance for the final rounding to float only, and with torchaudio within
/// torchaudio's own error.
@Suite struct FbankTests {
    @Test(arguments: try Golden.load().fbank, Fbank.availableKernels)
    func `Log-mels equal the exact ones, and torchaudio's within torchaudio's own error`(
        _ golden: Golden.LogMels, set: String
    ) throws {
        let config = FrontendConfig(melBins: golden.melBins, windowFrames: 1, normalisation: nil)
        let fbank = try #require(Fbank(config, kernelName: set))
        let features = fbank.features(try Clip.samples(golden.clip))
        let reference = try ArrayFile(golden: golden.reference)
        // Half the distance between two floats near 16 is 5e-7.
        #expect(largestDifference(features, try reference.doubles("exact")) <= 1e-6)
        let torchaudio = try reference.doubles("torchaudio")
        #expect(largestDifference(features, torchaudio) <= 1e-4 + golden.torchaudioError)
    }

    @Test(arguments: Fbank.availableKernels)
    func `Any signal in any number of frames equals the definition`(set: String) throws {
        var random = SeededGenerator(seed: 51)
        let sounds: [[Float]] = [
            random.floats(400 + 160 * 2), random.floats(399 + 160 * 3, in: -1e-4...1e-4),
            random.floats(400, in: 0.9...1), [Float](repeating: 1, count: 560),
            (0..<720).map { $0 % 37 == 0 ? 1 : 0 }, (0..<720).map { Float($0 % 2 * 2 - 1) },
            random.floats(400 + 160 * 9, in: -1e4...1e4),
        ]
        let normalisation = FrontendConfig.Normalisation(mean: -4.2677393, standardDeviation: 4.5689974)
        for (sound, samples) in sounds.enumerated() {
            for melBins in [128, 40, 1] {
                let config = FrontendConfig(melBins: melBins, windowFrames: 1, normalisation: normalisation)
                let features = try #require(Fbank(config, kernelName: set)).features(samples)
                let wanted = NaiveFbank(config: config).features(samples)
                #expect(largestDifference(features, wanted) < 1e-6, "sound \(sound), \(melBins) bins")
            }
        }
    }

    @Test(arguments: Fbank.availableKernels)
    func `A frame is identical wherever it is in a block`(set: String) throws {
        let config = FrontendConfig(melBins: 128, windowFrames: 1, normalisation: nil)
        let fbank = try #require(Fbank(config, kernelName: set))
        var random = SeededGenerator(seed: 52)
        let samples = random.floats(400 + 160 * 19)
        let all = fbank.features(samples)
        for first in 0..<20 {
            for count in [1, 2, 3, 5, 8] where first + count <= 20 {
                let cut = Array(samples[first * 160..<(first + count - 1) * 160 + 400])
                #expect(fbank.features(cut) == Array(all[first * 128..<(first + count) * 128]))
            }
        }
    }

    @Test(arguments: Fbank.availableKernels)
    func `A NaN sample affects only its own frames`(set: String) throws {
        let config = FrontendConfig(melBins: 16, windowFrames: 1, normalisation: nil)
        let fbank = try #require(Fbank(config, kernelName: set))
        var samples = [Float](repeating: 0.1, count: 400 + 160 * 11)
        samples[5 * 160 + 40] = .nan
        let features = fbank.features(samples)
        for frame in 0..<12 {
            let row = features[frame * 16..<(frame + 1) * 16]
            // The sample is part of the frames that start less than 400 samples before it: 3, 4 and 5.
            #expect(row.allSatisfy { $0.isNaN } == (3...5).contains(frame), "frame \(frame)")
            #expect(row.contains { $0.isNaN } == (3...5).contains(frame), "frame \(frame)")
        }
    }

    @Test func `Silence is the floor's logarithm in every bin, also in bins without a filter`() {
        // 256 filters on 256 frequencies: the lowest are narrower than the distance between two frequencies.
        for melBins in [128, 256] {
            let config = FrontendConfig(melBins: melBins, windowFrames: 1, normalisation: nil)
            let features = Fbank(config).features([Float](repeating: 0, count: 400))
            #expect(features == [Float](repeating: -15.942385, count: melBins))
        }
        let config = FrontendConfig(melBins: 256, windowFrames: 1, normalisation: nil)
        var random = SeededGenerator(seed: 53)
        let noise = random.floats(400)
        let features = Fbank(config).features(noise)
        #expect(features.contains(-15.942385) && features.contains { $0 > -10 })
        #expect(largestDifference(features, NaiveFbank(config: config).features(noise)) < 1e-6)
    }

    @Test func `The fastest kernels of this processor are used, and unknown ones are not available`() throws {
        let config = FrontendConfig(melBins: 128, windowFrames: 1, normalisation: nil)
        #expect(Fbank.availableKernels.first == "baseline")
        #expect(Fbank(config, kernelName: "avx1024") == nil)
        var random = SeededGenerator(seed: 54)
        let samples = random.floats(4000)
        let best = try #require(Fbank.availableKernels.last.flatMap { Fbank(config, kernelName: $0) })
        #expect(Fbank(config).features(samples) == best.features(samples))
    }
}
