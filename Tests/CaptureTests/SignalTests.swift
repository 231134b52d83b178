import Capture
import Glibc
import TestSupport
import Testing

@Suite struct SignalTests {
    private static func process(_ samples: [Float], _ body: (UnsafeMutableBufferPointer<Float>) -> Void)
        -> [Float]
    {
        var samples = samples
        samples.withUnsafeMutableBufferPointer { body($0) }
        return samples
    }

    // MARK: High-pass

    /// scipy 1.17: lfilter(*butter(2, cutoff, 'highpass', fs=16000), x) at the samples of `places`.
    private static let places = [0, 1, 2, 3, 10, 100, 1000, 5000, 15999]
    private static let responses: [(cutoff: Double, values: [Double])] = [
        (
            20,
            [
                -0.9944617889581948, -0.7430859193864507, -0.4944411009553267, -0.24851242003256818,
                -0.5686430127694468, -0.8410806910139856, 0.669364657706234, -0.6627534293086768,
                -0.5519529582109115,
            ]
        ),
        (
            80,
            [
                -0.9780304792065599, -0.6982252886783195, -0.4299053110567487, -0.1728304870329887,
                -0.5371471367213241, -0.9075378229435916, 0.6525669965979297, -0.6917547391642924,
                -0.5676503604422105,
            ]
        ),
        (
            300,
            [
                -0.9200661584291678, -0.5447380111539627, -0.2200384595763264, 0.057646434781862876,
                -0.5476327704064162, -1.0631231057598098, 0.5546228511376933, -0.6822550780352168,
                -0.5861103026097447,
            ]
        ),
        (
            4000,
            [
                -0.2928932188134525, 0.36367634258614934, 0.050252531694167324, -0.062396995759295214,
                0.5858299840475544, -0.5862936116499426, 0.0029560268328399364, 0.5862944918450129,
                0.5858736060041158,
            ]
        ),
    ]

    @Test func `The high-pass filter is scipy's Butterworth filter`() {
        let input = (0..<16_000).map { Float($0 * 7919 % 65_536 - 32_768) / 32_768 }
        for (cutoff, wanted) in Self.responses {
            var filter = HighPassFilter(cutoffHz: cutoff)
            // In blocks of different lengths: the state continues.
            var output: [Float] = []
            for start in stride(from: 0, to: input.count, by: 321) {
                output += Self.process(Array(input[start..<min(start + 321, input.count)])) {
                    filter.process($0)
                }
            }
            for (place, value) in zip(Self.places, wanted) {
                #expect(abs(Double(output[place]) - value) < 1e-6, "\(cutoff) Hz, sample \(place)")
            }
        }
    }

    @Test func `The high-pass filter attenuates as stated`() {
        for (frequency, decibels) in [(100.0, -3.01), (50, -12.3), (25, -24.1), (1000, 0)] {
            var filter = HighPassFilter(cutoffHz: 100)
            let tone = AudioFixture.sine(frequency, rate: 16_000, frames: 32_000)
            let output = Self.process(tone) { filter.process($0) }.suffix(16_000)
            let power = output.reduce(0.0) { $0 + Double($1) * Double($1) } / 16_000
            #expect(abs(10 * log10(power / 0.125) - decibels) < 0.1, "\(frequency) Hz")
        }
    }

    @Test func `A live source filters and amplifies as scipy and arithmetic do`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let input = (0..<16_000).map { Float($0 * 7919 % 65_536 - 32_768) / 32_768 }
        let bytes = input.withUnsafeBytes { Array($0) }
        for (gain, cutoff) in [(-6.5, nil), (-6.5, 80.0), (12, nil)] {
            let signal = SignalSettings(gainDB: gain, highPassHz: cutoff)
            let driver = try LiveSourceDriver("pipe:\(pipe.path)?rate=16000&format=f32le", signal: signal)
            try await pipe.write(bytes)
            try await driver.read(samples: input.count)
            let factor = pow(10, gain / 20)
            let filtered = Self.responses.first { $0.cutoff == cutoff }?.values
            for (index, place) in Self.places.enumerated() {
                let wanted = factor * (filtered?[index] ?? Double(input[place]))
                let error = abs(Double(driver.log.samples[place]) - wanted)
                #expect(error < 1e-6, "\(gain) dB, \(cutoff ?? 0) Hz, sample \(place)")
            }
        }
    }

    @Test func `An invalid sample does not disturb the high-pass filter`() {
        var filter = HighPassFilter(cutoffHz: 80)
        let output = Self.process([0.5, .nan, .infinity, 0.5] + [Float](repeating: 0, count: 32_000)) {
            filter.process($0)
        }
        #expect(output[1].isNaN && output[2] == .infinity)
        #expect(output.dropFirst(3).allSatisfy { $0.magnitude <= 1 })
        #expect(output.last.map { $0.magnitude < 1e-12 } == true)
    }

    // MARK: Clipping

    @Test func `Samples at full scale are counted exactly`() {
        // A sine of 1.25 clipped to 16 bits.
        let sine = AudioFixture.sine(441, rate: 16_000, frames: 16_000, peak: 1.25)
        let clipped = sine.map { Float(Int16(max(-32_768, min(32_767, ($0 * 32_768).rounded())))) / 32_768 }
        let wanted = clipped.count { $0 == 32_767 / 32_768 || $0 <= -32_767 / 32_768 }
        #expect(wanted > 3_000)
        for (channel, factor) in [(SourceChannel.mix, 1), (.number(1), 1), (.number(2), 0)] {
            var selector = ChannelSelector(channel, channels: 2, rateHz: 16_000)
            let stereo = clipped.flatMap { [$0, $0 / 2] }
            var mono = [Float](repeating: 0, count: clipped.count)
            let count = stereo.withUnsafeBufferPointer { stereo in
                mono.withUnsafeMutableBufferPointer { mono -> Int in
                    guard let from = stereo.baseAddress, let to = mono.baseAddress else { return -1 }
                    return selector.process(from, frames: mono.count, into: to)
                }
            }
            #expect(count == factor * wanted, "\(channel)")
        }
    }

    @Test func `Clipping is reported at once, and for a minute after the last`() {
        var counter = ClippingCounter()
        let isSingleReported = counter.update(clipped: 1, seconds: 0.5)
        let isBurstReported = counter.update(clipped: 7, seconds: 0.4)
        #expect(!isSingleReported && isBurstReported)
        #expect(counter.isClipping && counter.samples == 8)
        var changes = 0
        for _ in 0..<100 where counter.update(clipped: 100, seconds: 0.5) { changes += 1 }
        for _ in 0..<59 where counter.update(clipped: 0, seconds: 1) { changes += 1 }
        #expect(changes == 0 && counter.isClipping)
        for _ in 0..<2 where counter.update(clipped: 0, seconds: 1) { changes += 1 }
        #expect(changes == 1 && !counter.isClipping)
        #expect(counter.samples == 10_008)
    }

    // MARK: Channels

    private static func select(_ channel: SourceChannel, _ channels: [[Float]]) -> [Float] {
        var selector = ChannelSelector(channel, channels: channels.count, rateHz: 16_000)
        let frames = channels[0].count
        let interleaved = (0..<frames).flatMap { frame in channels.map { $0[frame] } }
        var mono = [Float](repeating: 0, count: frames)
        for start in stride(from: 0, to: frames, by: 320) {
            let count = min(320, frames - start)
            interleaved.withUnsafeBufferPointer { from in
                mono.withUnsafeMutableBufferPointer { to in
                    guard let from = from.baseAddress, let to = to.baseAddress else { return }
                    _ = selector.process(from + start * channels.count, frames: count, into: to + start)
                }
            }
        }
        return mono
    }

    @Test func `A channel is selected, or the mean is computed as that of a file`() throws {
        let (left, right) = (AudioFixture.noise(5_000), AudioFixture.noise(5_000, seed: 2))
        #expect(Self.select(.mix, [left]) == left)
        #expect(Self.select(.number(1), [left, right]) == left)
        #expect(Self.select(.number(2), [left, right]) == right)
        let folder = try TestFolder()
        let stereo = zip(left, right).flatMap { [$0, $1] }
        try AudioFixture.write(stereo, rate: 16_000, channels: 2, as: .wavFloat, to: folder.file("s"))
        #expect(Self.select(.mix, [left, right]) == (try AudioFixture.readAll(path: folder.file("s"))))
    }

    @Test func `Channels that cancel each other are heard with the loudest one`() {
        let left = AudioFixture.noise(48_000)
        let right = left.map { -$0 }
        #expect(Self.select(.mix, [left, right]).allSatisfy { $0 == 0 })
        #expect(Self.select(.loudest, [left, right]) == left)
    }

    @Test func `The loudest channel is followed slowly and without a step`() {
        let tone = AudioFixture.sine(50, rate: 16_000, frames: 16_000 * 6, peak: 0.5)
        let quiet = tone.map { $0 / 10 }
        let half = 16_000 * 3
        let left = Array(tone[..<half] + quiet[half...])
        let right = Array(quiet[..<half] + tone[half...])
        let output = Self.select(.loudest, [left, right])
        #expect(Array(output[..<half]) == Array(tone[..<half]))
        #expect(Array(output[(half + 16_000 * 2)...]) == Array(tone[(half + 16_000 * 2)...]))
        // The inputs have a step where they change; the selector adds none.
        let steps = zip(output, output.dropFirst()).map { abs($0 - $1) }
        #expect((steps.max() ?? 1) < 0.02)
        // 2 dB louder is not enough to change.
        let louder = tone.map { $0 * 1.25 }
        #expect(
            Self.select(
                .loudest, [Array(tone[..<half]) + tone[half...], Array(quiet[..<half]) + louder[half...]])
                == tone)
    }

    private static func compare(_ seconds: Int, _ frame: (Int) -> [Float]) -> [ChannelComparison.Fault?] {
        let channels = frame(0).count
        var comparison = ChannelComparison(channels: channels, rateHz: 1_000)
        return (0..<seconds).map { second in
            let frames = (0..<1_000).flatMap { frame(second * 1_000 + $0) }
            frames.withUnsafeBufferPointer {
                guard let start = $0.baseAddress else { return }
                _ = comparison.process(start, frames: 1_000, stride: channels)
            }
            return comparison.fault
        }
    }

    @Test func `Channels that cancel each other, or are silent, are reported after a minute`() {
        let noise = AudioFixture.noise(200_000)
        let other = AudioFixture.noise(200_000, seed: 2)
        let opposite = Self.compare(90) { [noise[$0], -0.8 * noise[$0] + 0.2 * other[$0]] }
        #expect(opposite.firstIndex { $0 != nil } == 59)
        #expect(opposite.last == .cancelling(1, 2))
        let silent = Self.compare(90) { [noise[$0], 0, other[$0]] }
        #expect(silent.firstIndex { $0 != nil } == 59 && silent.last == .silent(2))
        #expect(Self.compare(90) { [noise[$0], other[$0]] }.allSatisfy { $0 == nil })
        #expect(Self.compare(90) { [noise[$0], noise[$0]] }.allSatisfy { $0 == nil })
        #expect(Self.compare(90) { [noise[$0]] }.allSatisfy { $0 == nil })
        #expect(Self.compare(90) { _ in [0, 0] }.allSatisfy { $0 == nil }, "silence says nothing")
        // A second in sixty that agrees does not end the report; three do.
        let mended = Self.compare(150) { frame in
            let second = frame / 1_000
            return [noise[frame], second == 80 || second >= 120 ? noise[frame] : -noise[frame]]
        }
        #expect(mended.indices.filter { mended[$0] != nil } == Array(59..<122))
    }

    // MARK: Dead inputs

    private static func dead(_ seconds: Int, _ sample: (Int) -> Float) -> [DeadInputDetector.Reason?] {
        var detector = DeadInputDetector()
        return (0..<seconds).map { second in
            let block = (0..<16_000).map { sample(second * 16_000 + $0) }
            block.withUnsafeBufferPointer { _ = detector.process($0) }
            return detector.reason
        }
    }

    private static func hum(_ hertz: Double, _ index: Int) -> Float {
        let phase = 2 * Double.pi * hertz * Double(index) / 16_000
        return Float((sin(phase) + sin(2 * phase) / 4 + sin(3 * phase) / 9) / 50)
    }

    @Test(arguments: [50, 60, 49.95, 60.03])
    func `An input with nothing but hum is dead after a minute`(hertz: Double) {
        let noise = AudioFixture.noise(16_000)
        let found = Self.dead(75) { Self.hum(hertz, $0) + noise[$0 % 16_000] / 2_000 }
        // Nothing is known about the first half second.
        #expect(found.firstIndex { $0 != nil } == 60)
        #expect(found.last == .hum)
    }

    @Test func `An input with the least bit or with silence is dead, and its reason does not change`() {
        var random = SeededGenerator(seed: 3)
        let bits = (0..<160_000).map { _ in Float(Int.random(in: -1...1, using: &random)) / 32_768 }
        let found = Self.dead(90) { index in
            // Rests of digital silence.
            index / 16_000 % 10 == 0 ? 0 : bits[index % bits.count]
        }
        #expect(found.indices.filter { found[$0] != nil } == Array(59..<90))
        #expect(Set(found.compactMap(\.self)) == [.leastBit])
        #expect(Self.dead(60) { _ in 0 }.last == .silence)
    }

    @Test func `A click does not revive a dead input, and sound does within seconds`() {
        let noise = AudioFixture.noise(16_000)
        let found = Self.dead(110) { index in
            let second = index / 16_000
            if second >= 100 { return noise[index % 16_000] }
            // A click every 20 seconds.
            return second % 20 == 10 && index % 16_000 == 0 ? 0.5 : 0
        }
        let dead = found.indices.filter { found[$0] != nil }
        #expect(dead.last.map { (100..<104).contains($0) } == true)
        #expect(dead == Array((dead.first ?? 0)...(dead.last ?? 0)), "it changes once: \(dead)")
    }

    @Test func `Sound is not a dead input`() {
        let noise = AudioFixture.noise(16_000)
        let quiet: (Int) -> Float = { noise[$0 % 16_000] / 1_000 }
        #expect(Self.dead(70, quiet).allSatisfy { $0 == nil }, "the noise of a quiet room")
        #expect(
            Self.dead(70) { Self.hum(50, $0) + quiet($0) * 40 }.allSatisfy { $0 == nil }, "a room with hum")
        let beep = AudioFixture.sine(3_150, rate: 16_000, frames: 16_000)
        #expect(
            Self.dead(70) { beep[$0 % 16_000] }.allSatisfy { $0 == nil }, "an alarm at a multiple of 50 Hz")
    }

    // MARK: Settings

    @Test func `A channel is named as in a file, or is the loudest`() {
        for (text, wanted) in [
            ("mix", SourceChannel.mix), ("left", .number(1)), ("right", .number(2)), ("3", .number(3)),
            ("loudest", .loudest), ("each", .each),
        ] { #expect(SourceChannel(text) == wanted) }
        for text in ["", "0", "-1", "65", "Left", "1.0", "both"] { #expect(SourceChannel(text) == nil) }
    }
}
