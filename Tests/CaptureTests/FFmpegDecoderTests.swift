import Capture
import Glibc
import Synchronization
import TestSupport
import Testing

/// Files that libsndfile cannot read. All were made from `clip.wav`, a second of 16-bit samples at 16 kHz.
@Suite(.timeLimit(.minutes(10))) struct FFmpegDecoderTests {
    static func path(_ name: String) -> String {
        #filePath.replacing("CaptureTests/FFmpegDecoderTests.swift", with: "Golden/containers/\(name)")
    }

    static let lossless = ["alac.m4a", "clip.wv", "clip.tta", "clip.mka"]
    static let lossy = [
        "aac.m4a", "clip.3gp", "clip.aac", "clip.ac3", "clip.amr", "clip.eac3", "clip.spx", "clip.ts",
        "clip.webm", "clip.wma", "yamaha.wav",
    ]

    @Test(arguments: lossless)
    func `A lossless file has the samples of the WAV file that it was made from`(name: String) throws {
        let reader = try AudioFileReader(path: Self.path(name))
        #expect(reader.sampleRateHz == 16_000)
        #expect(reader.channels == 1)
        #expect(try AudioFixture.readAll(reader) == AudioFixture.readAll(path: Self.path("clip.wav")))
        #expect(reader.shortage == nil)
        #expect(reader.fractionRead == 1)
    }

    @Test(arguments: lossy)
    func `A lossy file has all of the sound, give or take the padding of its codec`(name: String) throws {
        let reader = try AudioFileReader(path: Self.path(name))
        let samples = try AudioFixture.readAll(reader)
        // AAC adds up to two frames of 1024 samples.
        #expect((15_800...18_100).contains(samples.count), "\(samples.count)")
        #expect(reader.shortage == nil)
        let whole = try AudioFixture.readAll(path: Self.path("clip.wav"))
        func energy(_ samples: [Float]) -> Float { samples.reduce(0) { $0 + $1 * $1 } }
        #expect((0.7...1.4).contains(energy(samples) / energy(whole)), "\(energy(samples) / energy(whole))")
    }

    @Test(arguments: lossless + lossy.filter { $0 != "yamaha.wav" })
    func `A file that is cut off is truncated or damaged, never whole`(name: String) throws {
        let folder = try TestFolder()
        let bytes = try TestFolder.bytes(of: Self.path(name))
        let cut = try folder.write(bytes.prefix(bytes.count * 6 / 10 + 5), to: name)
        do {
            let reader = try AudioFileReader(path: cut)
            #expect(try AudioFixture.readAll(reader).count < 12_000)
            #expect(reader.shortage?.code == "truncated")
        } catch let error as CaptureError {
            // MP4 has its index at the end.
            #expect(error.code == "unreadable", "\(error)")
        }
    }

    @Test(arguments: [
        ("mkv", ["mpeg4", "pcm_s16le"]), ("avi", ["mpeg4", "pcm_s16le"]), ("wmv", ["wmv2", "wmav2"]),
        ("flv", ["flv", "adpcm_swf"]),
    ])
    func `A film that is cut off is truncated, and a whole one with less sound is not`(
        suffix: String, codecs: [String]
    ) async throws {
        let folder = try TestFolder()
        let path = folder.file("film.\(suffix)")
        let picture = [
            "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=3",
        ]
        let options = ["-c:v", codecs[0], "-c:a", codecs[1], "-ar", "22050", path]
        let ffmpeg = try ChildProcess(
            ["ffmpeg"] + picture + ["-i", Self.path("clip.wav")] + options, in: folder, package: "ffmpeg")
        let exit = try await ffmpeg.exit()
        try #require(exit.code == 0, "\(exit.errorLines)")
        let reader = try AudioFileReader(path: path)
        #expect(abs(try AudioFixture.readAll(reader).count - 16_000) < 2_000)
        #expect(reader.shortage == nil)
        let bytes = try TestFolder.bytes(of: path)
        for part in [4, 5, 6, 7, 8] {
            let cut = try folder.write(Array(bytes.prefix(bytes.count * part / 10)), to: "cut.\(suffix)")
            let rest = try AudioFileReader(path: cut)
            _ = try AudioFixture.readAll(rest)
            #expect(rest.shortage?.code == "truncated", "\(part) tenths")
        }
        let joined = try AudioFileReader(path: folder.write(bytes + bytes, to: "joined.\(suffix)"))
        let count = try AudioFixture.readAll(joined).count
        #expect(count > 30_000 || joined.shortage?.code == "truncated", "\(count) samples")
    }

    @Test func `DTS and S/PDIF in a WAV file are decoded`() async throws {
        let folder = try TestFolder()
        func energy(_ samples: [Float]) -> Float { samples.reduce(0) { $0 + $1 * $1 } }
        let whole = try energy(AudioFixture.readAll(path: Self.path("clip.wav")))
        let input = [
            "ffmpeg", "-v", "error", "-nostdin", "-i", Self.path("clip.wav"), "-ar", "48000", "-af",
            "pan=stereo|c0=c0|c1=c0",
        ]
        for (name, options) in [
            ("dts", ["-c:a", "dca", "-strict", "-2", "-f", "dts"]),
            ("burst", ["-c:a", "ac3", "-f", "spdif"]),
        ] {
            let raw = folder.file(name)
            let ffmpeg = try ChildProcess(input + options + [raw], in: folder, package: "ffmpeg")
            let exit = try await ffmpeg.exit()
            try #require(exit.code == 0, "\(exit.errorLines)")
            var words = try TestFolder.bytes(of: raw)
            // ffmpeg writes DTS in big-endian words.
            if name == "dts" {
                for at in stride(from: 0, to: words.count - 1, by: 2) { words.swapAt(at, at + 1) }
            }
            let halves = stride(from: 0, to: words.count - 3, by: 4).map { at in
                (
                    Int16(truncatingIfNeeded: Int(words[at]) | Int(words[at + 1]) << 8),
                    Int16(truncatingIfNeeded: Int(words[at + 2]) | Int(words[at + 3]) << 8)
                )
            }
            let file = wavFile([halves.map(\.0), halves.map(\.1)], rateHz: 48_000)
            let reader = try AudioFileReader(path: folder.write(file, to: "\(name).wav"))
            let samples = try AudioFixture.readAll(reader)
            #expect((15_000...18_500).contains(samples.count), "\(name): \(samples.count)")
            #expect((0.7...1.4).contains(energy(samples) / whole), "\(name): \(energy(samples) / whole)")
        }
    }

    @Test(arguments: ["mka", "m4a"])
    func `Further audio tracks are named, and the first is read`(suffix: String) async throws {
        let folder = try TestFolder()
        let path = folder.file("tracks.\(suffix)")
        let inputs = [Self.path("clip.wav"), Self.path("clip.tta")].flatMap { ["-i", $0] }
        let options = ["-map", "0:a", "-map", "1:a", "-c", "alac", path]
        let ffmpeg = try ChildProcess(
            ["ffmpeg", "-v", "error", "-nostdin"] + inputs + options, in: folder, package: "ffmpeg")
        let exit = try await ffmpeg.exit()
        try #require(exit.code == 0, "\(exit.errorLines)")
        let reader = try AudioFileReader(path: path)
        let warning = try #require(reader.trackWarning)
        #expect(warning.hasPrefix("\(path) has 2 audio tracks, of which only the first is read"))
        #expect(try AudioFixture.readAll(reader) == AudioFixture.readAll(path: Self.path("clip.wav")))
        #expect(reader.shortage == nil)
        #expect(try AudioFileReader(path: Self.path("clip.mka")).trackWarning == nil)
    }

    @Test func `A film without sound is rejected for that reason`() throws {
        let film = Self.path("silent.mp4")
        #expect(throws: CaptureError.noAudioStream(name: film, kind: "an MP4 file")) {
            try AudioFileReader(path: film)
        }
    }

    @Test(arguments: [
        "-x.m4a", "concat:a|b.m4a", "file:x.m4a", "http:", "pipe:0", "%03d.m4a", "a\nb.m4a", "x.m3u8",
    ])
    func `A name is a name, whatever ffmpeg makes of it`(name: String) throws {
        let folder = try TestFolder()
        let path = try folder.copy(Self.path("alac.m4a"), to: name)
        #expect(try AudioFixture.readAll(path: path).count == 16_000)
    }

    @Test(arguments: [
        ("#EXTM3U\n#EXTINF:1,\nclip.m4a\n", "a playlist (M3U)"),
        ("ffconcat version 1.0\nfile clip.m4a\n", "a list of files (ffconcat)"),
        ("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n", "text"),
        ("[playlist]\nFile1=clip.m4a\n", "a playlist (PLS)"),
    ])
    func `A list of other files is not audio, whatever its name`(content: String, kind: String) throws {
        let folder = try TestFolder()
        try folder.copy(Self.path("alac.m4a"), to: "clip.m4a")
        let list = try folder.write(content, to: "list.m4a")
        #expect(throws: CaptureError.notAudio(name: list, found: kind)) { try AudioFileReader(path: list) }
    }

    @Test func `An open file is decoded from its start, and its offset stays where it is`() throws {
        let file = open(Self.path("clip.tta"), O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        lseek(file, 123, SEEK_SET)
        let reader = try AudioFileReader(descriptor: file, name: "given", spoolsPipes: false)
        #expect(try AudioFixture.readAll(reader).count == 16_000)
        #expect(lseek(file, 0, SEEK_CUR) == 123)
    }

    @Test func `An open file that this user must not open is decoded nevertheless`() throws {
        let folder = try TestFolder()
        let secret = try folder.copy(Self.path("alac.m4a"), to: "secret.m4a")
        chmod(secret, 0)
        let file = open(secret, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        guard file >= 0 else { throw TestFailure("this test needs to be root") }
        let count = Mutex<Int?>(nil)
        let reading = TestThread {
            TestThread.dropRootFileAccess()
            let reader = try? AudioFileReader(descriptor: file, name: "given", spoolsPipes: false)
            let samples = reader.flatMap { try? AudioFixture.readAll($0) }
            count.withLock { $0 = samples?.count }
        }
        reading.join()
        #expect(count.withLock { $0 } == 16_000)
    }

    @Test func `A pipe with a film is decoded like the file`() throws {
        let pipe = try TestPipe()
        let bytes = try TestFolder.bytes(of: Self.path("alac.m4a"))
        let writer = TestThread { pipe.writeAndClose(bytes) }
        let reader = try AudioFileReader(descriptor: pipe.readEnd, name: "-")
        #expect(try AudioFixture.readAll(reader).count == 16_000)
        writer.join()
        withExtendedLifetime(pipe) {}
    }

    @Test(arguments: ["alac.m4a", "aac.m4a", "clip.3gp", "clip.wma", "clip.tta"])
    func `A second file behind the first is reported where ffmpeg reads only one`(name: String) throws {
        let folder = try TestFolder()
        let bytes = try TestFolder.bytes(of: Self.path(name))
        let reader = try AudioFileReader(path: folder.write(bytes + bytes, to: name))
        #expect(try AudioFixture.readAll(reader).count >= 15_800)
        let shortage = reader.shortage.map { "\($0)" } ?? "none"
        #expect(shortage.contains("another file begins at byte \(bytes.count)"), "\(shortage)")
    }
}
