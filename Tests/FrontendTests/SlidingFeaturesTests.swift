import Frontend
import TestSupport
import Testing

@Suite struct SlidingFeaturesTests {
    private static let config = FrontendConfig(
        melBins: 24, windowFrames: 30, normalisation: .init(mean: -4.25, standardDeviation: 4.5))

    /// Rows of the whole signal, computed in one call.
    private static func rows(_ samples: [Float], _ config: FrontendConfig = config) -> [Float] {
        let plain = FrontendConfig(
            melBins: config.melBins, windowFrames: config.windowFrames, normalisation: nil)
        return Fbank(plain).features(samples).map(config.normalised)
    }

    @Test(arguments: 1...12)
    func `Any division into blocks gives the rows of one call, bit for bit`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let samples = random.floats(15_000)
        let rows = Self.rows(samples)
        let sliding = SlidingFeatures(Self.config)
        var given = 0
        var checked = 0
        while given < samples.count {
            // Single samples, a hop, a frame, more than the buffer for unfinished frames.
            let piece = [1, 7, 159, 160, 161, 399, 400, 401, 3000].randomElement(using: &random) ?? 1
            let end = min(samples.count, given + Int.random(in: 0...piece, using: &random))
            sliding.append(samples[given..<end])
            given = end
            #expect(sliding.frameCount == FrontendConfig.frames(inSamples: given))
            while checked + 30 <= sliding.frameCount {
                #expect(sliding.window(from: checked) == Array(rows[checked * 24..<(checked + 30) * 24]))
                checked += 1
            }
        }
        #expect(checked == FrontendConfig.frames(inSamples: 15_000) - 29)
    }

    @Test func `One block larger than every buffer is accepted`() {
        var random = SeededGenerator(seed: 61)
        let samples = random.floats(50_000)
        let sliding = SlidingFeatures(Self.config)
        sliding.append(samples)
        #expect(sliding.frameCount == FrontendConfig.frames(inSamples: 50_000))
        let start = sliding.frameCount - 30
        #expect(sliding.window(from: start) == Array(Self.rows(samples)[(start * 24)...]))
    }

    @Test(arguments: [1, 10, 17, 30, 31, 100])
    func `A long stream provides every window at its hop while the buffers move`(hop: Int) {
        var random = SeededGenerator(seed: 62)
        let samples = random.floats(160 * 1500)
        let rows = Self.rows(samples)
        let sliding = SlidingFeatures(Self.config)
        var start = 0
        for block in 0..<1500 {
            sliding.append(samples[block * 160..<(block + 1) * 160])
            while start + 30 <= sliding.frameCount {
                #expect(sliding.window(from: start) == Array(rows[start * 24..<(start + 30) * 24]))
                start += hop
            }
        }
        #expect(start > 1498 - 30 && sliding.frameCount == 1498)
    }

    @Test(arguments: [0, 50, 300])
    func `The requested history is available`(history: Int) {
        var random = SeededGenerator(seed: 63)
        let samples = random.floats(160 * 2000)
        let rows = Self.rows(samples)
        let sliding = SlidingFeatures(Self.config, historyFrames: history)
        #expect(sliding.historyFrames >= history)
        for piece in stride(from: 0, to: samples.count, by: 16_000) {
            sliding.append(samples[piece..<piece + 16_000])
            // As far back as documented for blocks of this size.
            let start = sliding.frameCount - 30 - sliding.historyFrames
            guard start >= 0 else { continue }
            #expect(sliding.window(from: start) == Array(rows[start * 24..<(start + 30) * 24]))
        }
    }

    @Test func `Missing frames are padding`() {
        var random = SeededGenerator(seed: 64)
        let samples = random.floats(400 + 160 * 9)
        let sliding = SlidingFeatures(Self.config)
        let padding = Float(4.25 / 9)
        #expect(sliding.window(from: 0) == [Float](repeating: padding, count: 30 * 24))
        sliding.append(samples)
        let window = sliding.window(from: 0)
        #expect(Array(window[..<240]) == Self.rows(samples))
        #expect(window[240...].allSatisfy { $0 == padding })
        #expect(Array(sliding.window(from: 4)[..<144]) == Array(window[96..<240]))
        #expect(sliding.window(from: 10).allSatisfy { $0 == padding })
        #expect(sliding.window(from: 25).allSatisfy { $0 == padding })
    }

    @Test func `A reset starts a new stream`() {
        var random = SeededGenerator(seed: 65)
        let before = random.floats(30_333), after = random.floats(6000)
        let sliding = SlidingFeatures(Self.config)
        sliding.append(before)
        sliding.reset()
        #expect(sliding.frameCount == 0)
        #expect(sliding.window(from: 0).allSatisfy { $0 == Self.config.paddingValue })
        sliding.append(after)
        #expect(sliding.frameCount == FrontendConfig.frames(inSamples: 6000))
        #expect(sliding.window(from: 0) == Array(Self.rows(after)[..<720]))
    }

    @Test(arguments: [0, 1, 159, 4095, 4096, 4097, 12_345])
    func `Silence for a gap equals as many zero samples`(count: Int) {
        var random = SeededGenerator(seed: 66)
        let before = random.floats(1234), after = random.floats(4321)
        let sliding = SlidingFeatures(Self.config)
        sliding.append(before)
        sliding.appendSilence(samples: count)
        sliding.append(after)
        let samples = before + [Float](repeating: 0, count: count) + after
        #expect(sliding.frameCount == FrontendConfig.frames(inSamples: samples.count))
        let start = max(0, sliding.frameCount - 30)
        let wanted = Array(Self.rows(samples)[(start * 24)...])
        #expect(Array(sliding.window(from: start).prefix(wanted.count)) == wanted)
    }
}
