import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// Files that ffmpeg decodes, through each program.
@Suite(.timeLimit(.minutes(10)))
struct FFmpegTests {
    private static func file(_ name: String) -> String {
        Astd.repository + "/Tests/Golden/containers/\(name)"
    }

    private static func classify(
        _ arguments: [String], in folder: TestFolder, environment: [String: String] = [:],
        input: String = "/dev/null"
    ) async throws -> ChildProcess.Exit {
        try await ChildProcess(
            [try Astd.path("astd"), "classify", "--model", Astd.model, "--format", "jsonl"] + arguments,
            in: folder, environment: environment, input: input
        ).exit()
    }

    /// A program in place of ffmpeg.
    ///
    /// Not written by this process: a program of another test could inherit the open file and keep the script
    /// from being executed ("text file busy").
    private static func script(_ commands: String, in folder: TestFolder) async throws -> String {
        let text = try folder.write("#!/bin/sh\n\(commands)\n", to: "text")
        let script = folder.file("ffmpeg")
        _ = try await ChildProcess(["install", "-m", "755", text, script], in: folder, package: "coreutils")
            .exit()
        return script
    }

    /// Records without their file names.
    private static func labels(_ lines: [String]) throws -> [String] {
        try lines.map { try #require($0.split(separator: ",", maxSplits: 1).last).description }
    }

    @Test(arguments: ["alac.m4a", "clip.wv", "clip.tta", "clip.mka"])
    func `A lossless file has the records of its WAV file, as a file, on standard input and in a folder`(
        name: String
    ) async throws {
        let folder = try TestFolder()
        let wav = try await Self.classify([Self.file("clip.wav"), "--hop", "0.01"], in: folder)
        let expected = try Self.labels(wav.lines)
        #expect(expected.count > 2)
        let named = try await Self.classify([Self.file(name), "--hop", "0.01"], in: folder)
        #expect(named.code == 0)
        #expect(try Self.labels(named.lines) == expected)
        let piped = try await Self.classify(["-", "--hop", "0.01"], in: folder, input: Self.file(name))
        #expect(piped.code == 0)
        #expect(try Self.labels(piped.lines) == expected)
        try folder.copy(Self.file(name), to: "card/\(name.uppercased())")
        let found = try await Self.classify([folder.file("card"), "--hop", "0.01"], in: folder)
        #expect(found.code == 0)
        #expect(try Self.labels(found.lines) == expected)
    }

    @Test func `Without ffmpeg the message names the format and what to install`() async throws {
        let folder = try TestFolder()
        for (name, kind) in [
            ("aac.m4a", "MPEG-4 audio (M4A)"), ("clip.wma", "Windows Media (WMA or WMV)"),
            ("clip.wv", "WavPack audio"), ("clip.spx", "Ogg Speex audio"), ("clip.aac", "AAC audio (ADTS)"),
            ("clip.amr", "AMR audio"), ("clip.ac3", "AC-3 audio"), ("clip.webm", "a WebM file"),
            ("yamaha.wav", "a WAV file (WAV format 32 with 4 bits a sample)"),
        ] {
            let path = Self.file(name)
            let result = try await Self.classify([path], in: folder, environment: ["PATH": "/nothing"])
            #expect(result.code == 1)
            #expect(
                result.errorLines.first
                    == "astd: \(path) is \(kind), which needs ffmpeg: install it (apt install ffmpeg)")
            #expect(result.lines.count == 1)
        }
        let wrong = try await Self.classify(
            [Self.file("clip.tta")], in: folder, environment: ["ASTD_FFMPEG": "/nothing/ffmpeg"])
        #expect(wrong.code == 1)
        #expect(wrong.errorLines.first?.contains("$ASTD_FFMPEG names /nothing/ffmpeg") == true)
        let wav = try await Self.classify(
            [Self.file("clip.wav")], in: folder, environment: ["PATH": "/nothing"])
        #expect(wav.code == 0)
    }

    @Test(arguments: [("exit 3", "exit status 3"), ("kill -9 $$", "signal 9")])
    func `A decoder that fails half-way makes the file truncated`(end: String, reason: String) async throws {
        let folder = try TestFolder()
        // Half of a second of floats.
        var header = Array("RIFF\u{0}\u{0}\u{0}\u{0}WAVEfmt ".utf8) + [16, 0, 0, 0, 3, 0, 1, 0]
        header += [0x80, 0x3E, 0, 0, 0, 0xFA, 0, 0, 4, 0, 32, 0] + Array("data".utf8) + [255, 255, 255, 255]
        let half = try folder.write(header + [UInt8](repeating: 0, count: 32_000), to: "half.wav")
        let script = try await Self.script("cat '\(half)'\n\(end)", in: folder)
        let result = try await Self.classify(
            [Self.file("clip.tta")], in: folder, environment: ["ASTD_FFMPEG": script])
        #expect(result.code == 1)
        #expect(result.lines.count == 2)
        #expect(result.lines.last?.contains(#""code":"truncated""#) == true)
        #expect(result.lines.last?.contains(reason) == true)
    }

    @Test func `A decoder that says and decodes nothing is named once`() async throws {
        let folder = try TestFolder()
        for (end, reason) in [
            ("exit 0", "(ffmpeg found no sound)"), ("exit 3", "(ffmpeg: exit status 3)"),
            ("kill -9 $$", "(ffmpeg was ended by signal 9)"),
        ] {
            let script = try await Self.script(end, in: folder)
            let result = try await Self.classify(
                [Self.file("clip.tta")], in: folder, environment: ["ASTD_FFMPEG": script])
            #expect(result.code == 1)
            #expect(result.errorLines.first?.contains(reason) == true, "\(result.errorLines)")
        }
    }

    /// The parent of a process and its state; `nil` when there is none.
    private static func process(_ name: String) -> (parent: String, state: String)? {
        guard let bytes = try? TestFolder.bytes(of: "/proc/\(name)/stat"),
            let rest = String(decoding: bytes, as: UTF8.self).split(separator: ")").last
        else { return nil }
        let fields = rest.split(separator: " ")
        return (String(fields[1]), String(fields[0]))
    }

    @Test func `A decoder that waits ends with astd, also when astd is killed`() async throws {
        let folder = try TestFolder()
        // Its messages keep astd from ending it for its silence, however late the test looks.
        let script = try await Self.script(
            "trap '' PIPE\nwhile :; do echo waiting >&2; sleep 0.05; done", in: folder)
        let astd = try Astd.start(
            ["astd", "classify", "--model", Astd.model, Self.file("clip.tta")], in: folder,
            environment: ["ASTD_FFMPEG": script])
        let decoder = try await eventually(
            "a decoder of astd",
            {
                try TestFolder.names(in: "/proc").first { name in
                    name.allSatisfy(\.isNumber) && Self.process(name)?.parent == "\(astd.identifier)"
                }
            })
        astd.send(SIGKILL)
        #expect(try await astd.exit().code == 128 + SIGKILL)
        try await eventually("the end of the decoder", that: { (Self.process(decoder)?.state ?? "Z") == "Z" })
    }

    @Test func `A daemon plays such a file, and classifies one that a client sends`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            ["--source", "file:\(try SeededClip.longSilence(in: folder))", "--precision", "fp32"], in: folder)
        let wav = try await daemon.astctl("classify", Self.file("clip.wav"))
        let tta = try await daemon.astctl("classify", Self.file("clip.tta"))
        #expect(tta.code == 0)
        #expect(try Self.labels(tta.lines) == Self.labels(wav.lines))
        let film = try await daemon.astctl("classify", Self.file("silent.mp4"))
        #expect(film.code == 1)
        #expect(film.errorLines.first?.contains("has no audio stream") == true)
        let played = try await Astd.run(
            [
                "astd", "run", "--model", Astd.model, "--source", "file:\(Self.file("silent.mp4"))",
                "--runtime-dir", folder.path,
            ],
            in: folder)
        #expect(played.code == 69)
        #expect(played.errorLines.contains { $0.contains("has no audio stream") })
    }
}
