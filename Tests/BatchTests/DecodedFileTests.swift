import Capture
import Glibc
import TestSupport
import Testing

/// Reads files that other programs encoded. Capture's own tests write theirs with the library that reads
/// them.
@Suite struct DecodedFileTests {
    @Test(arguments: try Golden.load().decodedFiles())
    func `A decoded tone has its frequency, level and length`(_ golden: Golden.DecodedFile) throws {
        let reader = try AudioFileReader(path: Golden.path(golden.file))
        #expect(reader.sampleRateHz == golden.rateHz)
        #expect(reader.channels == golden.channels)
        let frames = try #require(reader.frames)
        #expect(abs(frames - golden.frames) <= golden.framesTolerance)
        var samples = [Float](repeating: 0, count: 20_000)
        let count = try samples.withUnsafeMutableBufferPointer { try reader.read(into: $0) }
        samples.removeLast(samples.count - count)
        let seconds = Double(golden.frames) / Double(golden.rateHz)
        let missing = abs(Double(count) / 16_000 - seconds)
        #expect(missing <= Double(golden.framesTolerance) / Double(golden.rateHz) + 1.0 / 16_000)

        // Codecs and filters distort both ends.
        let middle = samples.dropFirst(count / 5).dropLast(count / 5)
        let power = middle.reduce(0) { $0 + Double($1) * Double($1) } / Double(middle.count)
        #expect(abs(power.squareRoot() - golden.rms) <= golden.rmsTolerance * max(golden.rms, 0.1))
        if let tone = golden.toneHz {
            #expect(abs(Self.loudest(Array(middle)) - tone) <= golden.toneToleranceHz)
        }
        #expect(!reader.isTruncated)
    }

    @Test func `The test files include every common format`() throws {
        let kinds = try Golden.load().decodedFiles().compactMap { $0.file.split(separator: ".").last }
        #expect(Set(kinds) == ["wav", "flac", "ogg", "opus", "mp3"])
    }

    /// The frequency of 16 kHz samples with the greatest amplitude, to 1 Hz.
    private static func loudest(_ samples: [Float]) -> Double {
        func power(_ hertz: Double) -> Double {
            // Goertzel's recursion.
            let factor = 2 * cos(2 * .pi * hertz / 16_000)
            var last = 0.0, before = 0.0
            for sample in samples { (last, before) = (Double(sample) + factor * last - before, last) }
            return last * last + before * before - factor * last * before
        }
        func best(_ range: StrideThrough<Double>) -> Double { range.max { power($0) < power($1) } ?? 0 }
        let coarse = best(stride(from: 100, through: 7900, by: 10))
        return best(stride(from: coarse - 10, through: coarse + 10, by: 1))
    }
}
