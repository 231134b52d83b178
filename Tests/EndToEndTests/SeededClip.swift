import Glibc
import TestSupport

/// Three seconds of sound that never repeats, 16 kHz mono 16 bit: sweeps, bursts of noise, pauses.
struct SeededClip {
    let samples: [Int16]

    init(seed: UInt64) {
        var noise = SeededGenerator(seed: seed)
        var phase = 0.0
        samples = (0..<48_000).map { position in
            let seconds = Double(position) / 16_000
            phase += 2 * .pi * (300 + 900 * seconds) / 16_000
            let isBurst = Int(seconds * 7) % 3 == 0
            let isPause = Int(seconds * 11) % 5 == 4
            let sound =
                isPause
                ? 0 : 0.4 * sin(phase) + (isBurst ? 0.3 * Double.random(in: -1..<1, using: &noise) : 0)
            return Int16(sound * 32_767)
        }
    }

    /// A WAV file of 16 kHz mono 16-bit samples.
    static func wav(_ samples: [Int16]) -> [UInt8] {
        header(samples: samples.count) + samples.flatMap { bytes($0) }
    }

    /// Ten minutes of silence, longer than any test: a sparse file.
    static func longSilence(in folder: TestFolder) throws -> String {
        try silence(hours: 1.0 / 6, in: folder)
    }

    /// Silence in a sparse WAV file.
    static func silence(hours: Double, in folder: TestFolder) throws -> String {
        let samples = Int(hours * 3_600) * 16_000
        let path = try folder.write(header(samples: samples), to: "silence-\(samples).wav")
        guard truncate(path, 44 + 2 * samples) == 0 else { throw TestFailure("\(path) cannot be extended") }
        return path
    }

    private static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func header(samples: Int) -> [UInt8] {
        let length = UInt32(samples * 2)
        let format =
            bytes(UInt32(16)) + bytes(UInt16(1)) + bytes(UInt16(1)) + bytes(UInt32(16_000))
            + bytes(UInt32(32_000)) + bytes(UInt16(2)) + bytes(UInt16(16))
        return Array("RIFF".utf8) + bytes(length + 36) + Array("WAVEfmt ".utf8) + format
            + Array("data".utf8) + bytes(length)
    }
}
