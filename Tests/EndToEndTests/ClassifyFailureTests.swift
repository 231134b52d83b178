import FoundationEssentials
import Glibc
import TestSupport
import Testing
import Wire

/// A batch with trouble in it: what can be classified is, the rest is told in its place.
@Suite(.timeLimit(.minutes(10)))
struct ClassifyFailureTests {
    @Test func `Files that cannot be read have an error in their place and the others go on`() async throws {
        let folder = try TestFolder()
        let text = try folder.write("dear diary\n".utf8, to: "diary.wav")
        let empty = try folder.write([], to: "empty.flac")
        let missing = folder.file("missing.wav")
        let secret = try folder.copy(Astd.clip, to: "secret.wav")
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: secret)
        let paths = [text, Astd.clip, empty, missing, secret, Astd.clip]
        let result = try await withoutRootsPrivilege(
            [Astd.path("astd"), "classify", "--model", Astd.model, "--hop", "10"] + paths, in: folder)
        #expect(result.code == 1)
        let records = try result.lines.map { try JSONObject(parsing: Array($0.utf8)) }
        #expect(try records.map { try $0.requiredString("file") } == paths)
        #expect(
            try records.map { try $0.object("error")?.requiredString("code") } == [
                "not_audio", nil, "empty", "not_found", "permission_denied", nil,
            ])
        // A line for people each.
        #expect(result.errorLines.count == 4)
        #expect(result.errorLines.allSatisfy { $0.hasPrefix("astd: \(folder.path)/") })
    }

    @Test func `A full disk is told and is a failure`() async throws {
        let folder = try TestFolder()
        let result = try await Astd.classify([Astd.clip, "--output", "/dev/full"], in: folder)
        #expect(result.code == 1)
        #expect(result.errorLines == ["astd: /dev/full cannot be written: No space left on device"])
    }

    @Test func `A reader that has enough is no failure`() async throws {
        let folder = try TestFolder()
        let command =
            "set -o pipefail; '\(try Astd.path("astd"))' classify --model '\(Astd.model)' --hop 0.01 '\(Astd.clip)' "
            + "| head -n 1"
        let result = try await ChildProcess(["bash", "-c", command], in: folder, package: "bash").exit()
        #expect(result.code == 0)
        #expect(result.lines.count == 1)
        #expect(result.errorLines.isEmpty)
    }

    @Test func `No model is 66 and nothing to do is 64`() async throws {
        let folder = try TestFolder()
        let noModel = try await Astd.run(
            ["astd", "classify", "--model", folder.file("nothing"), Astd.clip], in: folder)
        #expect(noModel.code == 66)
        #expect(noModel.errorLines.count == 1)
        let nothing = try await Astd.run(["astd", "classify", "--model", Astd.model], in: folder)
        #expect(nothing.code == 64)
        #expect(nothing.errorLines.count == 1)
    }

    /// Root may read every file; a program that is run through `setpriv` like this may not.
    private func withoutRootsPrivilege(
        _ command: [String], in folder: TestFolder
    ) async throws -> ChildProcess.Exit {
        let privileges = "-dac_override,-dac_read_search"
        let prefix = ["setpriv", "--inh-caps=\(privileges)", "--bounding-set=\(privileges)"]
        let program = try ChildProcess(
            (geteuid() == 0 ? prefix : []) + command, in: folder, package: "util-linux")
        return try await program.exit()
    }
}

/// What is asked for on the command line of a batch.
@Suite(.timeLimit(.minutes(10)))
struct ClassifyArgumentTests {
    @Test(arguments: [
        (["--format", "csv,audacity"], "--output"), (["--format", "jsonl,xml"], "xml"),
        (["--jobs", "0"], "--jobs"),
        (["--resume"], "--output"), (["-", "--files-from", "-"], "standard input"),
        (["--aggregate", "sum"], "sum"),
        (["--format", "raven"], "--output"),
        (["--format", "csv,text", "--output", "/dev/null"], "directory"),
    ])
    func `What makes no sense is refused with what would`(arguments: [String], mention: String) async throws {
        let folder = try TestFolder()
        let result = try await Astd.run(
            ["astd", "classify", "--model", Astd.model, Astd.clip, Astd.clip] + arguments, in: folder)
        #expect(result.code == 64 && result.lines.isEmpty)
        #expect(result.errorLines.first?.contains(mention) == true, "\(result.errorLines)")
    }

    @Test func `Sound on standard input, and labels of one file, need no directory`() async throws {
        let folder = try TestFolder()
        let astd = "'\(try Astd.path("astd"))' classify --model '\(Astd.model)' --top-k 1"
        let command =
            "\(astd) --format audacity - < '\(Astd.clip)' && cat '\(Astd.clip)' | \(astd) --format raven -"
        let result = try await ChildProcess(["bash", "-c", command], in: folder, package: "bash").exit()
        #expect(result.code == 0 && result.errorLines.isEmpty)
        #expect(result.lines.count == 5 + 1 + 5)
        #expect(result.lines[0].hasPrefix("0.000000\t0.960000\t"))
        #expect(result.lines[5].hasPrefix("Selection\tView\t"))
    }

    @Test func `A list names many files to one process, whose records are in its order`() async throws {
        let folder = try TestFolder()
        let names = ["b", "a", "c", "a"].map { folder.file($0 + " .wav") }
        for name in Set(names) { try FileManager.default.copyItem(atPath: Astd.clip, toPath: name) }
        try folder.write(names.joined(separator: "\n").utf8, to: "list")
        let result = try await Astd.run(
            [
                "astd", "classify", "--model", Astd.model, "--hop", "60", "--jobs", "3", "--files-from",
                folder.file("list"),
            ],
            in: folder)
        #expect(
            try result.lines.map { try JSONObject(parsing: Array($0.utf8)).requiredString("file") } == names)
    }
}
