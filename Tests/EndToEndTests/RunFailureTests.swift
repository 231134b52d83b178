import TestSupport
import Testing
import Wire

/// A daemon that cannot start prints one line on standard error and exits with a code for the kind of error.
@Suite(.timeLimit(.minutes(10)))
struct RunFailureTests {
    @Test func `A missing model exits with 66`() async throws {
        let folder = try TestFolder()
        let errorLine = try await errorLine(
            of: ["--model", folder.file("nothing"), "--source", "file:\(Astd.clip)"], code: 66, in: folder)
        #expect(errorLine.contains(folder.file("nothing")))
    }

    @Test func `Without any model astd exits with 66 and names the option`() async throws {
        let folder = try TestFolder()
        let daemon = try ChildProcess(
            [
                "/bin/sh", "-c",
                "cd '\(folder.path)' && exec '\(Astd.path("astd"))' run --source file:\(Astd.clip)",
            ],
            in: folder)
        let result = try await daemon.exit()
        #expect(result.code == 66)
        #expect(result.errorLines.count == 1)
        #expect(result.errorLines.first?.contains("--model") == true)
    }

    @Test func `Truncated weights exit with 66`() async throws {
        let folder = try TestFolder()
        let model = try folder.copy(Astd.model, to: "model")
        let whole = try TestFolder.bytes(of: Astd.model + "/model.safetensors")
        try folder.write(whole.dropLast(1000), to: "model/model.safetensors")
        let errorLine = try await errorLine(
            of: ["--model", model, "--source", "file:\(Astd.clip)"], code: 66, in: folder)
        #expect(errorLine.contains("model.safetensors"))
    }

    @Test func `A source file that is not audio exits with 69`() async throws {
        let folder = try TestFolder()
        let path = try folder.write("dear diary\n".utf8, to: "diary.wav")
        let errorLine = try await errorLine(
            of: ["--model", Astd.model, "--source", "file:\(path)"], code: 69, in: folder)
        #expect(errorLine.contains("diary.wav"))
    }

    @Test func `A source without its scheme exits with 64 or 78 and the name that was probably meant`()
        async throws
    {
        let folder = try TestFolder()
        let settings = try folder.write("source: t.monitor\n".utf8, to: "astd.yaml")
        for (arguments, code, meant) in [
            (["--source", "t.monitor"], 64, "pulse:t.monitor"),
            (["--source", "street.wav"], 64, "file:street.wav"),
            (["--config", settings], 78, "pulse:t.monitor"),
        ] {
            let errorLine = try await errorLine(
                of: ["--model", Astd.model] + arguments, code: Int32(code), in: folder)
            #expect(errorLine.contains("did you mean '\(meant)'?"), "\(errorLine)")
        }
    }

    @Test func `Standard input of another format is refused with 69 and its name`() async throws {
        let folder = try TestFolder()
        func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
        for (name, bytes) in [
            ("FLAC", Array("fLaC".utf8)), ("Ogg", Array("OggS".utf8)),
            (
                "WAV format 2",
                Array("RIFFxxxxWAVEfmt \u{10}\0\0\0\u{2}\0\u{1}\0".utf8) + zeros(12) + Array("data".utf8)
            ),
        ] {
            let path = try folder.write(bytes + zeros(5_000), to: "stream")
            let errorLine = try await errorLine(
                of: ["--model", Astd.model, "--source", "stdin"], code: 69, in: folder, standardInput: path)
            #expect(errorLine.contains(name))
            #expect(errorLine.contains("`ffmpeg -i X -f wav - | astd run --source stdin`"))
        }
    }

    @Test func `A source file that is cut off is played, and exits with 69`() async throws {
        let folder = try TestFolder()
        let whole = try TestFolder.bytes(of: Astd.clip)
        let path = try folder.write(whole.dropLast(whole.count / 2), to: "cut.wav")
        let errorLine = try await errorLine(
            of: ["--model", Astd.model, "--source", "file:\(path)", "--fast"], code: 69, in: folder)
        #expect(errorLine.contains("cut.wav is truncated or damaged ("))
    }

    @Test func `The end of standard input is logged, and exits with 0`() async throws {
        let folder = try TestFolder()
        let program = try Astd.path("astd")
        let daemon = try ChildProcess(
            [
                "/bin/sh", "-c",
                "exec '\(program)' run --model '\(Astd.model)' --runtime-dir run --source stdin < '\(Astd.clip)'",
            ], in: folder)
        let result = try await daemon.exit()
        #expect(result.code == 0)
        #expect(result.errorLines.contains { $0.contains("stdin has ended: standard input has ended") })
    }

    @Test(arguments: ["alsa:0", "pulse:", "file:", "microphone", ""])
    func `An invalid source exits with 64`(source: String) async throws {
        let folder = try TestFolder()
        let errorLine = try await errorLine(
            of: ["--model", Astd.model, "--source", source], code: 64, in: folder)
        #expect(errorLine.contains("'\(source)'"))
    }

    @Test(arguments: [["--hop", "0"], ["--hop", "-1"], ["--hop", "nan"], ["--threads", "0"], ["--loud"]])
    func `Options out of range exit with 64`(options: [String]) async throws {
        let folder = try TestFolder()
        let errorLine = try await errorLine(of: ["--model", Astd.model] + options, code: 64, in: folder)
        #expect(errorLine.contains(options[0]))
    }

    @Test func `A usage error names the help of its command`() async throws {
        let folder = try TestFolder()
        #expect(
            try await errorLine(of: ["--check-config=1"], code: 64, in: folder)
                == "astd: The option '--check-config' does not take any value, but '1' was specified (see `astd run --help`)"
        )
    }

    @Test func `A second daemon in the same runtime directory exits with 1, and the first continues`()
        async throws
    {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let first = try await RunningDaemon.start(["--source", "file:\(silence)"], in: folder)
        let errorLine = try await errorLine(
            of: [
                "--model", Astd.model, "--source", "file:\(Astd.clip)", "--runtime-dir", folder.path,
            ], code: 1, in: folder)
        #expect(errorLine.contains("another astd"))
        #expect(errorLine.contains("--runtime-dir"))
        #expect(try await first.status().pid == Int(first.program.identifier))
    }

    @Test func `A runtime directory that cannot be created exits with 1`() async throws {
        let folder = try TestFolder()
        let file = try folder.write([], to: "file")
        let errorLine = try await errorLine(
            of: ["--model", Astd.model, "--source", "file:\(Astd.clip)", "--runtime-dir", file + "/astd"],
            code: 1, in: folder)
        #expect(errorLine.contains(file))
    }

    /// Runs `astd run`, which must fail, and returns its error line.
    private func errorLine(
        of arguments: [String], code: Int32, in folder: TestFolder, standardInput: String = "/dev/null"
    ) async throws -> String {
        let command = [try Astd.path("astd"), "run", "--runtime-dir", folder.file("run")] + arguments
        let result = try await ChildProcess(
            ["/bin/sh", "-c", "exec \"$@\" < '\(standardInput)'", "sh"] + command, in: folder
        ).exit()
        #expect(result.code == code)
        #expect(result.output.isEmpty)
        // Lines of the log start with a date.
        let errors = result.errorLines.filter { $0.hasPrefix("astd: ") }
        #expect(errors.count == 1, "\(result.errorLines)")
        #expect(result.errorLines.last == errors.last)
        return errors.last ?? ""
    }
}
