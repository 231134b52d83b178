import Capture
import Frontend
import TestSupport
import Testing

/// Normalised and padded windows against `ASTFeatureExtractor`'s.
@Suite struct FeatureTests {
    /// torchaudio computes in single precision, and is itself up to 0.002 away from the exact value where a
    /// strong tone is beside near silence, as in a sweep on a DC offset. `Fbank` is exact to rounding
    /// (``FbankTests``), so it may differ from torchaudio by torchaudio's stored error plus at most 0.00001.
    @Test(arguments: try Golden.load().cases.filter { $0.adapter == nil })
    func `Features equal the extractor's, up to its own rounding error`(_ golden: Golden.Case) throws {
        let features = SlidingFeatures(try Clip.frontend(of: golden.model))
        features.append(try Clip.samples(golden.clip).prefix(features.config.windowSamples))
        let expected = try ArrayFile(golden: golden.features).floats("features")
        let difference = largestDifference(features.window(from: 0), expected)
        #expect(difference <= 1e-5 + golden.tolerance.oracleFeatures, "\(golden.id) differs by \(difference)")
    }

    /// Cases without an adapter, with the file of their clip's exact log-mels where one is stored.
    private static func exactCases() throws -> [(golden: Golden.Case, reference: String)] {
        let index = try Golden.load()
        return try index.cases.filter { $0.adapter == nil }.compactMap { golden in
            let melBins = try Clip.frontend(of: golden.model).melBins
            let entry = index.fbank.first { $0.clip == golden.clip && $0.melBins == melBins }
            return entry.map { (golden, $0.reference) }
        }
    }

    @Test(arguments: try exactCases())
    func `Features equal the exact ones, where those are stored`(
        _ golden: Golden.Case, reference: String
    ) throws {
        let config = try Clip.frontend(of: golden.model)
        let features = SlidingFeatures(config)
        features.append(try Clip.samples(golden.clip))
        let stored = try ArrayFile(golden: reference).doubles("exact")
        let values = config.windowFrames * config.melBins
        let padding = [Double](repeating: 0, count: max(0, values - stored.count))
        let wanted = (Array(stored.prefix(values)) + padding).map { value in
            guard let normalisation = config.normalisation else { return value }
            return (value - normalisation.mean) / (2 * normalisation.standardDeviation)
        }
        #expect(largestDifference(features.window(from: 0), wanted) <= 1e-6)
    }

    @Test func `Most cases have exact features stored`() throws {
        #expect(try Self.exactCases().count >= 20)
    }

    @Test func `A clip shorter than a frame has no features until the frame is complete`() throws {
        let samples = try Clip.samples("clips/too-short.wav")
        #expect(samples.count == 399)
        let features = SlidingFeatures(try Clip.frontend(of: "models/stride10"))
        features.append(samples)
        #expect(features.frameCount == 0)
        features.append([0])
        #expect(features.frameCount == 1)
    }

    @Test func `The front end's sample rate is the one that sources deliver`() {
        #expect(FrontendConfig.sampleRateHz == CaptureFormat.sampleRateHz)
        #expect(CaptureFormat.nanosPerSample * Int64(FrontendConfig.sampleRateHz) == 1_000_000_000)
    }

    @Test func `Only complete frames count`() {
        let counts = [
            (0, 0), (1, 0), (399, 0), (400, 1), (559, 1), (560, 2), (719, 2), (720, 3), (15_599, 95),
            (15_600, 96), (163_840, 1022), (164_079, 1023), (164_080, 1024),
        ]
        for (samples, frames) in counts { #expect(FrontendConfig.frames(inSamples: samples) == frames) }
    }

    @Test func `Padding is a normalised zero`() {
        var config = FrontendConfig(
            melBins: 128, windowFrames: 1024,
            normalisation: .init(mean: -4.2677393, standardDeviation: 4.5689974))
        #expect(config.windowSamples == 164_080)
        #expect(config.paddingValue == Float(4.2677393 / (2 * 4.5689974)))
        #expect(abs(config.paddingValue - 0.467) < 1e-4)
        config.normalisation = nil
        #expect(config.paddingValue == 0)
    }
}
