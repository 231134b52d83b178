import Capture
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite struct AudioFileErrorTests {
    /// The error of opening a file, or of reading it to its end.
    private static func error(of path: String) -> CaptureError? {
        do {
            _ = try AudioFixture.readAll(path: path)
            return nil
        } catch {
            return error as? CaptureError
        }
    }

    private static func wavBytes(_ folder: TestFolder) throws -> [UInt8] {
        let path = folder.file("whole.wav")
        try AudioFixture.write(AudioFixture.noise(4_000), rate: 16_000, as: .wav16, to: path)
        return try TestFolder.bytes(of: path)
    }

    @Test func `Missing paths, folders and other non-files have errors of their own`() throws {
        let folder = try TestFolder()
        let missing = folder.file("missing.wav")
        #expect(Self.error(of: missing) == .fileNotFound(path: missing))
        #expect(Self.error(of: missing)?.description == "\(missing) does not exist: check the path")
        #expect(Self.error(of: folder.path) == .isDirectory(path: folder.path))
        let inFile = try folder.write([1, 2, 3], to: "file") + "/below.wav"
        #expect(Self.error(of: inFile) == .fileNotFound(path: inFile))
        let empty = try folder.write([], to: "empty.wav")
        #expect(Self.error(of: empty) == .emptyFile(name: empty))
        #expect(Self.error(of: empty)?.code == "empty")
    }

    @Test func `A file without read permission is rejected for that reason`() throws {
        let folder = try TestFolder()
        let path = try folder.write(try Self.wavBytes(folder), to: "secret.wav")
        chmod(path, 0)
        chmod(folder.path, 0o755)
        let found = Mutex<CaptureError?>(nil)
        let reader = TestThread {
            TestThread.dropRootFileAccess()
            let error = Self.error(of: path)
            found.withLock { $0 = error }
        }
        reader.join()
        #expect(found.withLock { $0 } == .permissionDenied(path: path))
    }

    @Test func `A named pipe or a device is rejected without waiting for a writer`() async throws {
        let folder = try TestFolder()
        let fifo = folder.file("fifo.wav")
        #expect(mkfifo(fifo, 0o600) == 0)
        let found = Mutex<CaptureError?>(nil)
        try await completes("opening a pipe") {
            let error = Self.error(of: fifo)
            found.withLock { $0 = error }
        }
        #expect(found.withLock { $0 } == .notRegularFile(path: fifo, found: "a pipe"))
        #expect(
            Self.error(of: "/dev/zero") == .notRegularFile(path: "/dev/zero", found: "a character device"))
        let pipe = try TestPipe()
        #expect(throws: CaptureError.notRegularFile(path: "given", found: "a pipe")) {
            try AudioFileReader(descriptor: pipe.readEnd, name: "given", spoolsPipes: false)
        }
        pipe.closeWriteEnd()
    }

    @Test func `Frames of MPEG audio in a program or an archive are not its sound`() throws {
        let folder = try TestFolder()
        try AudioFixture.write(
            AudioFixture.sine(440, rate: 16_000, frames: 32_000, channels: 1), rate: 16_000, as: .mp3,
            to: folder.file("tone.mp3"))
        let tone = try TestFolder.bytes(of: folder.file("tone.mp3"))
        let kinds: [([UInt8], String)] = [
            ([0x7F] + Array("ELF".utf8), "a program"), (Array("PK\u{3}\u{4}".utf8), "a ZIP archive"),
        ]
        for (head, kind) in kinds {
            let path = try folder.write(head + [UInt8](repeating: 0, count: 2000) + tone, to: "x.mp3")
            #expect(Self.error(of: path) == .notAudio(name: path, found: kind))
        }
    }

    @Test func `Text, pictures and noise named .wav are rejected with what they look like`() throws {
        let folder = try TestFolder()
        let text = try folder.write(Array("This is not audio.\n".utf8), to: "text.wav")
        #expect(Self.error(of: text) == .notAudio(name: text, found: "text"))
        for name in ["text.raw", "text.vox", "text.gsm", "text"] {
            let path = try folder.write(Array(repeating: UInt8(ascii: "x"), count: 9_999), to: name)
            #expect(Self.error(of: path) == .notAudio(name: path, found: "text"), "\(name)")
        }
        let picture = try folder.write([0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13], to: "p.wav")
        #expect(Self.error(of: picture) == .notAudio(name: picture, found: "a PNG image"))
        let other = try folder.write([UInt8](repeating: 7, count: 5_000), to: "other.wav")
        #expect(Self.error(of: other)?.code == "not_audio")
        #expect(Self.error(of: other)?.description.contains("07 07 07") == true)
        let film = try folder.write([0, 0, 0, 32] + Array("ftypM4A ".utf8) + [0, 0, 0, 0], to: "f.m4a")
        #expect(Self.error(of: film)?.code == "unreadable")
        #expect(Self.error(of: film)?.description.contains("ffmpeg: ") == true)
    }

    @Test func `A header without samples, or a truncated one, is an error and never silence`() throws {
        let folder = try TestFolder()
        let whole = try Self.wavBytes(folder)
        for (length, code) in [(13, "unreadable"), (20, "unreadable"), (35, "unreadable"), (43, "empty")] {
            let path = try folder.write(Array(whole[..<length]), to: "cut.wav")
            #expect(Self.error(of: path)?.code == code, "\(length) bytes")
        }
        var noSamples = Array(whole[..<44])
        noSamples.replaceSubrange(40..<44, with: [0, 0, 0, 0])
        let path = try folder.write(noSamples, to: "none.wav")
        #expect(Self.error(of: path) == .noFrames(name: path))
    }

    @Test func `A truncated file is read to its last sample and reported as truncated`() throws {
        let folder = try TestFolder()
        for (name, format) in [
            ("cut.wav", AudioFixture.Format.wav16), ("cut.aiff", .aiff16), ("cut.au", .au16),
            ("cut.w64", .w64), ("cut.rf64", .rf64),
            ("cut.flac", .flac16), ("cut.ogg", .vorbis), ("cut.opus", .opus), ("cut.mp3", .mp3),
        ] {
            let path = folder.file(name)
            let rate = 48_000
            try AudioFixture.write(AudioFixture.noise(rate * 8), rate: rate, as: format, to: path)
            let whole = try AudioFileReader(path: path)
            let wholeLength = try AudioFixture.readAll(whole).count
            #expect(!whole.isTruncated, "\(name)")
            let bytes = try TestFolder.bytes(of: path)
            try folder.write(Array(bytes[..<(bytes.count / 2 + 1)]), to: name)
            let cut = try AudioFileReader(path: path)
            let cutLength = try AudioFixture.readAll(cut).count
            #expect(cut.isTruncated, "\(name)")
            #expect(cutLength > wholeLength / 4 && cutLength < wholeLength * 3 / 4, "\(name): \(cutLength)")
        }
    }

    @Test func `Too many channels and unsupported rates are rejected with the supported range`() throws {
        let folder = try TestFolder()
        var bytes = try Self.wavBytes(folder)
        bytes.replaceSubrange(22..<24, with: [65, 0])
        let wide = try folder.write(bytes, to: "wide.wav")
        #expect(Self.error(of: wide)?.code == "unsupported")
        #expect(Self.error(of: wide)?.description.contains("65 channels") == true)
        bytes.replaceSubrange(22..<24, with: [1, 0])
        for rate: UInt32 in [1, 999, 768_001] {
            bytes.replaceSubrange(24..<28, with: withUnsafeBytes(of: rate.littleEndian, Array.init))
            let path = try folder.write(bytes, to: "rate.wav")
            #expect(Self.error(of: path)?.code == "unsupported")
            #expect(Self.error(of: path)?.description.contains("\(rate) Hz") == true)
        }
    }

    @Test func `The first unusable sample is an error with its frame, at any rate`() throws {
        let folder = try TestFolder()
        let path = folder.file("bad.wav")
        for (bad, wording) in [(Float.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf"), (1e20, "1e+20")]
        {
            for rate in [16_000, 44_100] {
                var stored = AudioFixture.noise(20_000)
                stored[12_345] = bad
                stored[15_000] = .nan
                try AudioFixture.write(stored, rate: rate, as: .wavFloat, to: path)
                #expect(Self.error(of: path) == .nonFinite(name: path, frame: 12_345, value: wording))
            }
        }
        #expect(Self.error(of: path)?.description.contains("(1e+20) at frame 12345") == true)
    }

    @Test func `A message is one line even when the file name has control characters`() {
        let error = CaptureError.fileNotFound(path: "a\nb\u{1B}[31m.wav")
        #expect(error.description == #"a\x0Ab\x1B[31m.wav does not exist: check the path"#)
    }
}
