import Capture
import Glibc
import TestSupport
import Testing

/// WAV, RF64, Wave64, AIFF, AU and CAF files whose header states another length than they have.
@Suite struct SampleLengthTests {
    private static let frames = 20_000
    private static let stored = (0..<frames).map { Int16(truncatingIfNeeded: $0 &* 7919 | 1) }
    private static let samples = stored.map { Float($0) / 32_768 }

    struct Kind: CustomTestStringConvertible, Sendable {
        var name: String
        var format: AudioFixture.Format
        /// The text in front of the length, the bytes between, and the length's bytes and order.
        var chunk: String
        var distance: Int
        var bytes: Int
        var isBigEndian = false
        /// What the stated length counts besides samples.
        var extra: UInt64 = 0
        var testDescription: String { name }
    }

    static let kinds = [
        Kind(name: "WAV", format: .wav16, chunk: "data", distance: 4, bytes: 4),
        Kind(name: "RF64", format: .rf64, chunk: "ds64", distance: 16, bytes: 8),
        Kind(name: "W64", format: .w64, chunk: "data", distance: 16, bytes: 8, extra: 24),
        Kind(
            name: "AIFF", format: .aiff16, chunk: "SSND", distance: 4, bytes: 4, isBigEndian: true, extra: 8),
        Kind(name: "AU", format: .au16, chunk: ".snd", distance: 8, bytes: 4, isBigEndian: true),
        Kind(name: "CAF", format: .caf16, chunk: "data", distance: 4, bytes: 8, isBigEndian: true, extra: 4),
    ]

    private static func file(_ kind: Kind, length: UInt64) throws -> [UInt8] {
        let folder = try TestFolder()
        try AudioFixture.write16(stored, rate: 16_000, as: kind.format, to: folder.file("f"))
        var bytes = try TestFolder.bytes(of: folder.file("f"))
        let chunk = try #require(bytes.indices.first { bytes[$0...].starts(with: kind.chunk.utf8) })
        let field = chunk + kind.distance
        let number = kind.isBigEndian ? length.bigEndian : length.littleEndian
        let digits = withUnsafeBytes(of: number, Array.init)
        bytes.replaceSubrange(
            field..<(field + kind.bytes),
            with: kind.isBigEndian ? digits.suffix(kind.bytes) : digits.prefix(kind.bytes))
        return bytes
    }

    private static func read(_ bytes: [UInt8]) throws -> (samples: [Float], shortage: CaptureError?) {
        let folder = try TestFolder()
        let reader = try AudioFileReader(path: folder.write(bytes, to: "f"))
        let samples = try AudioFixture.readAll(reader)
        return (samples, reader.shortage)
    }

    @Test(arguments: kinds)
    func `A length that its writer could not know means to the end of the file`(kind: Kind) throws {
        let unknown: [UInt64] = kind.bytes == 4 ? [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0xFFFF_FFDB] : [0, .max]
        for length in unknown {
            let (samples, shortage) = try Self.read(Self.file(kind, length: length))
            #expect(samples.starts(with: Self.samples), "\(length)")
            #expect(samples.count < Self.samples.count + 500, "what is behind the samples is short")
            #expect(shortage == nil, "\(length)")
        }
    }

    @Test(arguments: kinds)
    func `A length that is too small or too large is reported with both lengths`(kind: Kind) throws {
        let bytes = UInt64(Self.frames * 2)
        let short = try Self.read(Self.file(kind, length: bytes / 4 + kind.extra))
        #expect(short.samples == Array(Self.samples.prefix(Self.frames / 4)))
        #expect(short.shortage?.code == "truncated")
        #expect(short.shortage?.description.contains("0.313 s were read, and more sound follows: ") == true)
        let long = try Self.read(Self.file(kind, length: bytes * 4 + kind.extra))
        #expect(long.samples.starts(with: Self.samples))
        #expect(long.shortage?.code == "truncated")
        #expect(long.shortage?.description.contains("of the 5.0 s in its header") == true)
    }

    /// A WAV file of 16-bit samples at 16 kHz.
    private static func wav(
        data: [UInt8], stated: UInt32? = nil, behind: [UInt8] = [], format: [UInt8]? = nil
    ) -> [UInt8] {
        func little(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian, Array.init) }
        let format = format ?? [1, 0, 1, 0] + little(16_000) + little(32_000) + [2, 0, 16, 0]
        let chunks =
            Array("WAVEfmt ".utf8) + little(UInt32(format.count)) + format + Array("data".utf8)
            + little(stated ?? UInt32(data.count)) + data + behind
        return Array("RIFF".utf8) + little(UInt32(chunks.count)) + chunks
    }

    private static let bytes = stored.flatMap {
        [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
    }

    @Test func `Chunks, tags and padding behind the samples are no sound`() throws {
        let list = Array("LIST".utf8) + [5, 0, 0, 0] + Array("INFOx".utf8)
        let behind: [[UInt8]] = [
            [0], list, list + [0], list + [0] + list, [UInt8](repeating: 0, count: 5_000),
            Array("TAG".utf8) + [UInt8](repeating: 32, count: 125), Array("id3 ".utf8) + [255, 255, 0, 0],
        ]
        for more in behind {
            let (samples, shortage) = try Self.read(Self.wav(data: Self.bytes, behind: more))
            #expect(samples == Self.samples)
            #expect(shortage == nil, "\(more.prefix(8))")
        }
        // An odd length, with and without the byte that the specification asks for.
        for more in [list, [0] + list] {
            let odd = try Self.read(Self.wav(data: Self.bytes + [9], behind: more))
            #expect(odd.samples == Self.samples)
            #expect(odd.shortage == nil)
        }
    }

    @Test func `A second chunk of samples is reported, in files and streams`() async throws {
        let second = Array("data".utf8) + [0, 16, 0, 0] + Self.bytes.prefix(4_096)
        let file = Self.wav(data: Self.bytes, behind: second)
        let (samples, shortage) = try Self.read(file)
        #expect(samples == Self.samples)
        #expect(shortage?.description.contains("more sound follows: 4104 bytes at byte 40044") == true)
        let stream = try await StdinSourceTests.play(file)
        #expect(stream.log.samples == Self.samples)
        #expect(stream.failure?.description.contains("more follows the 40000 bytes") == true)
    }

    @Test func `A WAV that states no bytes, and has only chunks behind, is empty`() throws {
        let list = Array("LIST".utf8) + [4, 0, 0, 0] + Array("INFO".utf8)
        #expect(throws: CaptureError.self) { try Self.read(Self.wav(data: [], behind: list)) }
        let full = try Self.read(Self.wav(data: [], behind: Self.wav(data: Self.bytes)))
        #expect(full.samples == Self.samples)
    }

    @Test(arguments: [UInt32(0x4000_0000), 0xFFFF_FFFF, 0])
    func `A WAV of 5 GiB is whole although its length has 32 bits`(stated: UInt32) throws {
        let folder = try TestFolder()
        let path = try folder.write(Self.wav(data: [], stated: stated), to: "long.wav")
        #expect(truncate(path, 44 + 5 << 30) == 0)
        let reader = try AudioFileReader(path: path)
        #expect(reader.frames == 5 << 29)
    }

    @Test func `24 bits in frames of four bytes are honoured, in files and streams`() async throws {
        func little(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian, Array.init) }
        let values = (0..<9_000).map { Int32(truncatingIfNeeded: $0 &* 7919 &* 65_537) >> 8 }
        let data = values.flatMap { little(UInt32(bitPattern: $0 << 8)) }
        let guid: [UInt8] = [1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
        func extensible(_ bits: UInt8) -> [UInt8] {
            [0xFE, 0xFF, 1, 0] + little(16_000) + little(64_000) + [4, 0, bits, 0, 22, 0, 24, 0, 4, 0, 0, 0]
                + guid
        }
        let plain = [1, 0, 1, 0] + little(16_000) + little(64_000) + [4, 0, 24, 0]
        for format in [plain, extensible(24), extensible(32)] {
            let file = Self.wav(data: data, format: format)
            let wanted = values.map { Float($0) / 8_388_608 }
            #expect(try Self.read(file).samples == wanted)
            #expect(try await StdinSourceTests.play(file).log.samples == wanted)
        }
    }

    @Test func `A frame that does not fit its channels and bits is refused, in files and streams`()
        async throws
    {
        func little(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian, Array.init) }
        for (channels, frame, bits) in [(2, 2, 16), (2, 7, 24), (1, 5, 32), (1, 8, 16), (2, 4, 32)] {
            let format =
                [1, 0, UInt8(channels), 0] + little(16_000) + little(64_000) + [
                    UInt8(frame), 0, UInt8(bits), 0,
                ]
            let file = Self.wav(data: Self.bytes, format: format)
            #expect(throws: CaptureError.self) { try Self.read(file) }
            let events = try await StdinSourceTests.play(file).events
            #expect(events.map(\.state) == [.lost])
            #expect(
                events.last?.message?.contains("frames of \(frame) bytes for \(channels) channels") == true)
        }
    }
}
