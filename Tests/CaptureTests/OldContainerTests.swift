import CSndfile
import Capture
import TestSupport
import Testing

/// Old and rare containers, which libsndfile reads to the end of the file whatever their header says.
@Suite struct OldContainerTests {
    struct Kind: CustomTestStringConvertible, Sendable {
        var name: String
        var container: Int
        var subtype = SF_FORMAT_PCM_16
        var rate = 16_000
        var testDescription: String { name }
    }

    static let withLength = [
        Kind(name: "VOC", container: SF_FORMAT_VOC), Kind(name: "SPHERE", container: SF_FORMAT_NIST),
        Kind(name: "AVR", container: SF_FORMAT_AVR), Kind(name: "16SV", container: SF_FORMAT_SVX),
        Kind(name: "8SVX", container: SF_FORMAT_SVX, subtype: SF_FORMAT_PCM_S8),
        Kind(name: "MAT4", container: SF_FORMAT_MAT4), Kind(name: "MAT5", container: SF_FORMAT_MAT5),
        Kind(name: "WVE", container: SF_FORMAT_WVE, subtype: SF_FORMAT_ALAW, rate: 8_000),
        Kind(name: "MPC 2000", container: SF_FORMAT_MPC2K),
    ]
    static let withoutLength = [
        Kind(name: "IRCAM", container: SF_FORMAT_IRCAM), Kind(name: "PARIS", container: SF_FORMAT_PAF),
        Kind(name: "PVF", container: SF_FORMAT_PVF),
    ]
    static let joinable = withLength.filter { ["VOC", "SPHERE", "AVR", "16SV", "8SVX"].contains($0.name) }

    /// The bytes of two seconds of a tone.
    private static func tone(_ kind: Kind, hertz: Double = 440, seconds: Int = 2) throws -> [UInt8] {
        let folder = try TestFolder()
        let path = folder.file("tone")
        try AudioFixture.write(
            AudioFixture.sine(hertz, rate: kind.rate, frames: kind.rate * seconds, channels: 1),
            rate: kind.rate, as: .init(container: kind.container, subtype: kind.subtype), to: path)
        return try TestFolder.bytes(of: path)
    }

    private static func read(_ bytes: some Sequence<UInt8>) throws -> (count: Int, shortage: String?) {
        let folder = try TestFolder()
        let reader = try AudioFileReader(path: folder.write(bytes, to: "sound"))
        return (try AudioFixture.readAll(reader).count, reader.shortage.map { "\($0)" })
    }

    @Test(arguments: withLength + withoutLength)
    func `A whole file is whole`(kind: Kind) throws {
        let (count, shortage) = try Self.read(Self.tone(kind))
        #expect(count == 32_000)
        #expect(shortage == nil)
    }

    @Test(arguments: withLength)
    func `A file that is cut off is truncated, with both lengths`(kind: Kind) throws {
        let bytes = try Self.tone(kind)
        let (count, shortage) = try Self.read(bytes.prefix(bytes.count / 2))
        #expect((14_000..<17_000).contains(count))
        #expect(shortage?.contains("is truncated or damaged (") == true)
        let stated = shortage.flatMap { $0.firstMatch(of: /of the ([0-9.]+) s in its header/) }
        let seconds = try #require(stated.flatMap { Double($0.1) })
        #expect(abs(seconds - 2) < 0.002, "\(shortage ?? "")")
    }

    @Test(arguments: withoutLength)
    func `A cut within a frame is seen where the header states no length`(kind: Kind) throws {
        let bytes = try Self.tone(kind)
        let end = bytes.count / 4 * 2
        #expect(try Self.read(bytes.prefix(end + bytes.count % 2)).shortage == nil, "between two frames")
        let shortage = try Self.read(bytes.prefix(end + bytes.count % 2 + 1)).shortage
        #expect(shortage?.contains("the file ends within a frame") == true)
    }

    @Test(arguments: joinable)
    func `Joined files are read to the end of the last one`(kind: Kind) throws {
        let (count, shortage) = try Self.read(Self.tone(kind) + Self.tone(kind, hertz: 1_000, seconds: 3))
        #expect(count == 80_000)
        #expect(shortage == nil)
    }

    @Test func `More bytes than the header states are reported`() throws {
        let sphere = Kind(name: "SPHERE", container: SF_FORMAT_NIST)
        let (count, shortage) = try Self.read(Self.tone(sphere) + [UInt8](repeating: 7, count: 1000))
        #expect(count == 32_000)
        #expect(shortage?.contains("more sound follows: 1000 bytes") == true)
    }

    @Test func `A MIDI sample dump that is cut off is damaged, because libsndfile makes up its end`() throws {
        let bytes = try Self.tone(Kind(name: "SDS", container: SF_FORMAT_SDS))
        #expect(try Self.read(bytes).shortage == nil)
        #expect { try Self.read(bytes.prefix(bytes.count / 2)) } throws: {
            ("\($0)").contains("is damaged (it has ")
        }
    }

    @Test func `Headers that end early or say nothing true do not stop the reader`() throws {
        for kind in Self.withLength + Self.withoutLength {
            let bytes = try Self.tone(kind)
            for length in [1, 12, 21, 42, 60, 128, 200, 1024] {
                _ = try? Self.read(bytes.prefix(length))
                var damaged = bytes
                for index in 4..<max(4, length) where index % 3 == 0 { damaged[index] = 0xFF }
                _ = try? Self.read(damaged)
            }
        }
    }
}
