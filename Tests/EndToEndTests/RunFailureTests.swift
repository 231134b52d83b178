import TestSupport
import Testing
import Wire

/// Why a daemon does not start: one line on standard error, and an exit code that says what kind of trouble it is.
@Suite(.timeLimit(.minutes(10)))
struct RunFailureTests {
    @Test func `A model that is not there is 66`() async throws {
        let folder = try TestFolder()
        let complaint = try await complaint(
            of: ["--model", folder.file("nothing"), "--source", "file:\(Astd.clip)"], code: 66, in: folder)
        #expect(complaint.contains(folder.file("nothing")))
    }

    @Test func `No model anywhere is 66 and names the option`() async throws {
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

    @Test func `Weights that were cut off are 66`() async throws {
        let folder = try TestFolder()
        let model = try folder.copy(Astd.model, to: "model")
        let whole = try TestFolder.bytes(of: Astd.model + "/model.safetensors")
        try folder.write(whole.dropLast(1000), to: "model/model.safetensors")
        let complaint = try await complaint(
            of: ["--model", model, "--source", "file:\(Astd.clip)"], code: 66, in: folder)
        #expect(complaint.contains("model.safetensors"))
    }

    @Test func `A file that is no audio is 69`() async throws {
        let folder = try TestFolder()
        let path = try folder.write("dear diary\n".utf8, to: "diary.wav")
        let complaint = try await complaint(
            of: ["--model", Astd.model, "--source", "file:\(path)"], code: 69, in: folder)
        #expect(complaint.contains("diary.wav"))
    }

    @Test(arguments: ["alsa:0", "pulse:", "file:", "microphone", ""])
    func `A source that is none is 64`(source: String) async throws {
        let folder = try TestFolder()
        let complaint = try await complaint(
            of: ["--model", Astd.model, "--source", source], code: 64, in: folder)
        #expect(complaint.contains("\"\(source)\""))
    }

    @Test(arguments: [["--hop", "0"], ["--hop", "-1"], ["--hop", "nan"], ["--threads", "0"], ["--loud"]])
    func `Options out of range are 64`(options: [String]) async throws {
        let folder = try TestFolder()
        let complaint = try await complaint(of: ["--model", Astd.model] + options, code: 64, in: folder)
        #expect(complaint.contains(options[0]))
    }

    @Test func `Wrong usage names the help of the command that was called`() async throws {
        let folder = try TestFolder()
        #expect(
            try await complaint(of: ["--check-config=1"], code: 64, in: folder)
                == "astd: The option '--check-config' does not take any value, but '1' was specified (see `astd run --help`)"
        )
    }

    @Test func `A second daemon in the same runtime directory is 1 and leaves the first alone`() async throws
    {
        let folder = try TestFolder()
        let silence = try SeededClip.longSilence(in: folder)
        let first = try await RunningDaemon.start(["--source", "file:\(silence)"], in: folder)
        let complaint = try await complaint(
            of: [
                "--model", Astd.model, "--source", "file:\(Astd.clip)", "--runtime-dir", folder.path,
            ], code: 1, in: folder)
        #expect(complaint.contains("another astd") && complaint.contains("--runtime-dir"))
        #expect(try await first.status().pid == Int(first.program.identifier))
    }

    @Test func `A runtime directory that cannot be made is 1`() async throws {
        let folder = try TestFolder()
        let file = try folder.write([], to: "file")
        let complaint = try await complaint(
            of: ["--model", Astd.model, "--source", "file:\(Astd.clip)", "--runtime-dir", file + "/astd"],
            code: 1, in: folder)
        #expect(complaint.contains(file))
    }

    /// Runs `astd run`, which is expected to fail, and gives back the one line it wrote as an error.
    private func complaint(of arguments: [String], code: Int32, in folder: TestFolder) async throws -> String
    {
        let result = try await Astd.run(
            ["astd", "run", "--runtime-dir", folder.file("run")] + arguments, in: folder)
        #expect(result.code == code)
        #expect(result.output.isEmpty)
        // The daemon's log, which may say what it did before the trouble, has lines with a date.
        let complaints = result.errorLines.filter { $0.hasPrefix("astd: ") }
        #expect(complaints.count == 1, "\(result.errorLines)")
        #expect(result.errorLines.last == complaints.last)
        return complaints.last ?? ""
    }
}
