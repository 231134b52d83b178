import Glibc
import TestSupport
import Testing

@testable import Capture

/// Files of frames that end where the file ends, and AMR's frames of pauses.
@Suite struct CodedFramesTests {
    private static func words(_ bytes: [UInt8], in folder: TestFolder) throws -> FileAudioBytes {
        let (file, status) = try OwnedDescriptor.open(path: folder.write(bytes, to: "frames"))
        return FileAudioBytes(file, size: status.size)
    }

    @Test func `Access units of TrueHD and MLP are followed to the end of the file`() throws {
        let folder = try TestFolder()
        var bytes: [UInt8] = []
        for length in [20, 8, 400, 6] {
            let words = length / 2
            bytes += [0xA0 | UInt8(words >> 8), UInt8(words & 0xFF)]
            bytes += [UInt8](repeating: 1, count: length - 2)
        }
        let whole = CodedFrames(lossless: FileWords(try Self.words(bytes, in: folder)))
        #expect(whole.count == 4)
        #expect(whole.areWhole)
        for missing in [1, 3, 5, 100] {
            let cut = CodedFrames(lossless: FileWords(try Self.words(bytes.dropLast(missing), in: folder)))
            #expect(!cut.areWhole, "\(missing)")
        }
        let between = CodedFrames(lossless: FileWords(try Self.words(bytes.dropLast(6), in: folder)))
        #expect(between.areWhole)
    }

    /// An AMR file of a second: head, and frames of equal length.
    private static func amr() throws -> (head: [UInt8], frames: [[UInt8]]) {
        let bytes = try TestFolder.bytes(of: FFmpegDecoderTests.path("clip.amr"))
        let head = Array("#!AMR\n".utf8)
        let sizes = [13, 14, 16, 18, 20, 21, 27, 32, 6]
        var frames: [[UInt8]] = []
        var at = head.count
        while at < bytes.count {
            let size = try #require(Int(bytes[at] >> 3 & 15) < 9 ? sizes[Int(bytes[at] >> 3 & 15)] : 1)
            frames.append(Array(bytes[at..<at + size]))
            at += size
        }
        return (head, frames)
    }

    @Test(arguments: [0, 25, 50])
    func `A pause that AMR sends as comfort noise becomes silence of its length`(place: Int) throws {
        let folder = try TestFolder()
        let (head, frames) = try Self.amr()
        // A description of the noise, then frames without data.
        let pause = [[0x44, 1, 2, 3, 4, 5]] + [[UInt8]](repeating: [0x7C], count: 74)
        let all = frames.prefix(place) + pause + frames.dropFirst(place)
        let path = try folder.write(head + all.joined(), to: "pause.amr")
        let reader = try AudioFileReader(path: path)
        let samples = try AudioFixture.readAll(reader)
        #expect(reader.shortage == nil)
        #expect(samples.count == (frames.count + pause.count) * 320)
        let middle = samples[(place * 320 + 1600)..<(place * 320 + 22_000)]
        #expect(middle.allSatisfy { abs($0) < 0.001 })
        let cut = try AudioFileReader(path: folder.write((head + all.joined()).dropLast(3), to: "cut.amr"))
        _ = try AudioFixture.readAll(cut)
        #expect(cut.shortage?.code == "truncated" || place == 50)
    }

    @Test(arguments: [0, 25, 50], ["3gp", "mov", "mka"])
    func `Comfort noise in a container becomes silence, and a cut does not`(place: Int, suffix: String)
        async throws
    {
        let folder = try TestFolder()
        let (head, frames) = try Self.amr()
        let pause = [[0x44, 1, 2, 3, 4, 5]] + [[UInt8]](repeating: [0x7C], count: 74)
        let all = frames.prefix(place) + pause + frames.dropFirst(place)
        let amr = try folder.write(head + all.joined(), to: "pause.amr")
        let path = folder.file("pause.\(suffix)")
        // The index is in front of the sound.
        let options = ["-v", "error", "-nostdin", "-f", "amr", "-i", amr, "-c", "copy", "-movflags"]
        let ffmpeg = try ChildProcess(
            ["ffmpeg"] + options + ["+faststart", path], in: folder, package: "ffmpeg")
        let exit = try await ffmpeg.exit()
        try #require(exit.code == 0, "\(exit.errorLines)")
        let reader = try AudioFileReader(path: path)
        let samples = try AudioFixture.readAll(reader)
        #expect(reader.shortage == nil)
        #expect(abs(samples.count - (frames.count + pause.count) * 320) <= 320)
        let middle = samples[(place * 320 + 1600)..<(place * 320 + 22_000)]
        #expect(middle.allSatisfy { abs($0) < 0.001 })
        // Matroska has its own index behind the sound.
        let bytes = try TestFolder.bytes(of: path)
        let kept = suffix == "mka" ? bytes.count * 2 / 3 : bytes.count - 30
        let cut = try folder.write(Array(bytes.prefix(kept)), to: "cut.\(suffix)")
        let rest = try AudioFileReader(path: cut)
        _ = try AudioFixture.readAll(rest)
        #expect(rest.shortage?.code == "truncated")
    }
}
