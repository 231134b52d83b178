import Capture
import Glibc
import TestSupport
import Testing

/// Files with more than one part, and compressed files whose header states a wrong length.
@Suite struct JoinedFileTests {
    struct Kind: CustomTestStringConvertible, Sendable {
        var name: String
        var format: AudioFixture.Format
        var rates = (16_000, 48_000)
        var testDescription: String { name }
    }

    static let kinds = [
        Kind(name: "MP3", format: .mp3), Kind(name: "FLAC", format: .flac16),
        Kind(name: "Ogg Vorbis", format: .vorbis), Kind(name: "Opus", format: .opus),
        Kind(name: "WAV", format: .wav16), Kind(name: "W64", format: .w64), Kind(name: "RF64", format: .rf64),
        Kind(name: "AIFF", format: .aiff16), Kind(name: "AU", format: .au16),
    ]

    /// Seconds of each part.
    private static let seconds = 2

    /// The bytes of a file with a tone.
    private static func tone(
        _ hertz: Double, _ format: AudioFixture.Format, rate: Int, channels: Int = 1, seconds: Int = seconds
    ) throws -> [UInt8] {
        let folder = try TestFolder()
        let path = folder.file("tone")
        try AudioFixture.write(
            AudioFixture.sine(hertz, rate: rate, frames: rate * seconds, channels: channels), rate: rate,
            channels: channels, as: format, to: path)
        return try TestFolder.bytes(of: path)
    }

    private static func read(_ bytes: [UInt8]) throws -> (samples: [Float], shortage: CaptureError?) {
        let folder = try TestFolder()
        let reader = try AudioFileReader(path: folder.write(bytes, to: "joined"))
        let samples = try AudioFixture.readAll(reader)
        return (samples, reader.shortage)
    }

    /// Checks that a second of 440 Hz is in the first two seconds, and of 1000 Hz in the next two.
    private static func expectBoth(_ samples: [Float], _ comment: Comment) {
        #expect(abs(samples.count - 64_000) < 3_000, comment)
        guard samples.count > 56_000 else { return }
        #expect(abs(AudioFixture.amplitude(of: 440, in: samples[8_000..<24_000]) - 0.5) < 0.03, comment)
        #expect(abs(AudioFixture.amplitude(of: 1_000, in: samples[40_000..<56_000]) - 0.5) < 0.03, comment)
    }

    @Test(arguments: kinds)
    func `Joined files are read to the end of the last one, at any rate and number of channels`(kind: Kind)
        throws
    {
        let first = try Self.tone(440, kind.format, rate: 16_000)
        for (rate, channels) in [(16_000, 1), (48_000, 1), (48_000, 2), (24_000, 2)] {
            let second = try Self.tone(1_000, kind.format, rate: rate, channels: channels)
            let (samples, shortage) = try Self.read(first + second)
            Self.expectBoth(samples, "\(rate) Hz, \(channels) channels")
            #expect(shortage == nil)
        }
    }

    @Test func `Tags between and behind joined files are no sound`() throws {
        let id3v2: [UInt8] = Array("ID3".utf8) + [3, 0, 0, 0, 0, 1, 0] + [UInt8](repeating: 7, count: 128)
        let id3v1 = Array("TAG".utf8) + [UInt8](repeating: 32, count: 125)
        let ape: [UInt8] =
            Array("APETAGEX".utf8) + [0xD0, 7, 0, 0, 44, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xA0]
            + [UInt8](repeating: 0, count: 8) + [2, 0, 0, 0, 0, 0, 0, 0, 65, 0, 66, 67]
            + Array("APETAGEX".utf8) + [0xD0, 7, 0, 0, 44, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80]
            + [UInt8](repeating: 0, count: 8)
        for format in [AudioFixture.Format.mp3, .wav16, .vorbis, .flac16] {
            let first = try Self.tone(440, format, rate: 16_000)
            let second = try Self.tone(1_000, format, rate: 16_000)
            for tags in [id3v2, id3v1, ape, ape + id3v1, id3v1 + id3v2] {
                let (samples, shortage) = try Self.read(id3v2 + first + tags + second + id3v1)
                Self.expectBoth(samples, "\(tags.count) bytes of tags")
                #expect(shortage == nil)
            }
        }
    }

    @Test func `Files of different formats may be joined`() throws {
        let kinds: [AudioFixture.Format] = [.wav16, .mp3, .vorbis, .aiff16, .flac16]
        for (first, second) in zip(kinds, kinds.dropFirst()) {
            let joined = try Self.tone(440, first, rate: 16_000) + Self.tone(1_000, second, rate: 44_100)
            Self.expectBoth(try Self.read(joined).samples, "\(first), \(second)")
        }
    }

    @Test func `What follows a FLAC file and is not FLAC is reported`() throws {
        let flac = try Self.tone(440, .flac16, rate: 16_000)
        for more in [try Self.tone(1_000, .wav16, rate: 16_000), [UInt8](repeating: 0x55, count: 9_000)] {
            let (samples, shortage) = try Self.read(flac + more)
            #expect(samples.count == 32_000)
            #expect(shortage?.code == "truncated")
        }
    }

    private static func tag(in bytes: [UInt8]) -> Int? {
        bytes.indices.first {
            bytes[$0...].starts(with: "Xing".utf8) || bytes[$0...].starts(with: "Info".utf8)
        }
    }

    /// An MP3 whose Xing or Info tag has another number of frames.
    private static func mp3(frames change: (UInt32) -> UInt32) throws -> [UInt8] {
        var bytes = try tone(440, .mp3, rate: 44_100, seconds: 4)
        let tag = try #require(Self.tag(in: bytes))
        let frames = bytes[(tag + 8)..<(tag + 12)].reduce(0) { $0 << 8 | UInt32($1) }
        bytes.replaceSubrange(
            (tag + 8)..<(tag + 12), with: withUnsafeBytes(of: change(frames).bigEndian, Array.init))
        return bytes
    }

    @Test func `An MP3 with a wrong number of frames in its tag is read to its end`() throws {
        let whole = try Self.read(Self.mp3 { $0 }).samples
        #expect(abs(whole.count - 64_000) < 1_000)
        for (name, bytes) in [
            ("a quarter", try Self.mp3 { $0 / 4 }), ("none", try Self.mp3 { _ in 0 }),
            ("one less", try Self.mp3 { $0 - 1 }), ("one more", try Self.mp3 { $0 + 1 }),
        ] {
            let (samples, shortage) = try Self.read(bytes)
            #expect(samples == whole, "\(name)")
            #expect(shortage == nil, "\(name)")
        }
        let (samples, shortage) = try Self.read(Self.mp3 { $0 * 4 })
        #expect(samples == whole)
        #expect(shortage?.code == "truncated")
        #expect(
            shortage?.description.contains("s were read of the 16.") == true,
            "\(String(describing: shortage))")
    }

    @Test func `An MP3 with a VBRI tag is read to its end, whatever the tag says`() throws {
        var bytes = try Self.mp3 { $0 }
        let tag = try #require(Self.tag(in: bytes))
        let start = tag - 21  // behind the head and the 17 bytes that mono sound has there
        bytes.replaceSubrange(tag..<(tag + 4), with: [0, 0, 0, 0])
        for frames: UInt8 in [3, 255] {
            // Behind the first frame's head and 32 bytes: the tag, its version, and numbers.
            let head = Array("VBRI".utf8) + [0, 1, 0, 0, 0, 75, 0, 0, 9, 9, 0, 0, 0, frames]
            bytes.replaceSubrange((start + 36)..<(start + 36 + head.count), with: head)
            let (samples, shortage) = try Self.read(bytes)
            #expect(abs(samples.count - 64_000) < 2_000, "\(frames) frames: \(samples.count)")
            #expect((shortage == nil) == (frames == 3))
        }
    }

    @Test func `Bytes in front of an MP3 are skipped`() throws {
        let mp3 = try Self.tone(440, .mp3, rate: 44_100)
        for count in [1, 500, 3_000, 100_000] {
            let junk = (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 37 + 11) % 251) }
            let samples = try Self.read(junk + mp3).samples
            #expect(abs(samples.count - 32_000) < 1_600, "\(count) bytes")
        }
    }

    @Test func `Sound behind damage in an MP3 is read, and the damage is reported`() throws {
        let first = try Self.tone(440, .mp3, rate: 16_000)
        let second = try Self.tone(1_000, .mp3, rate: 16_000)
        let (samples, shortage) = try Self.read(first + [UInt8](repeating: 0x55, count: 9_000) + second)
        Self.expectBoth(samples, "with damage")
        #expect(shortage?.code == "truncated")
        #expect(shortage?.description.contains("9000 bytes at byte \(first.count)") == true)
    }

    @Test func `A FLAC file is read to its end, whatever number of samples it states`() throws {
        let whole = try Self.tone(440, .flac16, rate: 44_100)
        let wanted = try Self.read(whole).samples
        for (stated, isTruncated) in [(0, false), (1, false), (22_050, false), (352_800, true)] {
            var bytes = whole
            bytes[21] &= 0xF0
            bytes.replaceSubrange(22..<26, with: withUnsafeBytes(of: UInt32(stated).bigEndian, Array.init))
            let (samples, shortage) = try Self.read(bytes)
            #expect(samples == wanted, "\(stated)")
            #expect((shortage != nil) == isTruncated, "\(stated)")
        }
        #expect(try Self.read(whole + Array("TAG".utf8) + [UInt8](repeating: 0, count: 125)).shortage == nil)
    }

    /// An Ogg file with another position in its last page.
    private static func ogg(_ format: AudioFixture.Format, position change: (Int64) -> Int64) throws
        -> [UInt8]
    {
        // Noise needs many pages.
        let folder = try TestFolder()
        let path = folder.file("noise")
        try AudioFixture.write(AudioFixture.noise(48_000 * 4), rate: 48_000, as: format, to: path)
        var bytes = try TestFolder.bytes(of: path)
        let last = try #require(bytes.indices.last { bytes[$0...].starts(with: "OggS".utf8) })
        let position = bytes[(last + 6)..<(last + 14)].reversed().reduce(Int64(0)) { $0 << 8 | Int64($1) }
        bytes.replaceSubrange(
            (last + 6)..<(last + 14), with: withUnsafeBytes(of: change(position).littleEndian, Array.init))
        bytes.replaceSubrange((last + 22)..<(last + 26), with: [0, 0, 0, 0])
        let sum = bytes[last...].reduce(UInt32(0)) { sum, byte in
            var sum = sum ^ UInt32(byte) << 24
            for _ in 0..<8 { sum = sum & 0x8000_0000 != 0 ? sum << 1 ^ 0x04C1_1DB7 : sum << 1 }
            return sum
        }
        bytes.replaceSubrange(
            (last + 22)..<(last + 26), with: withUnsafeBytes(of: sum.littleEndian, Array.init))
        return bytes
    }

    @Test(arguments: [AudioFixture.Format.vorbis, .opus])
    func `An Ogg file is read to its last packet, whatever length its last page states`(
        format: AudioFixture.Format
    ) throws {
        let whole = try Self.read(Self.ogg(format) { $0 }).samples
        #expect(whole.count == 64_000)
        for bytes in [try Self.ogg(format) { $0 / 4 }, try Self.ogg(format) { _ in 0 }] {
            let (samples, _) = try Self.read(bytes)
            #expect(samples.count >= 63_500, "\(samples.count)")
            #expect(samples.prefix(60_000) == whole.prefix(60_000))
        }
        let (samples, shortage) = try Self.read(Self.ogg(format) { $0 * 4 })
        // The padding that follows reaches into the last samples.
        #expect(samples.prefix(63_000) == whole.prefix(63_000))
        #expect(shortage?.code == "truncated")
    }
}
