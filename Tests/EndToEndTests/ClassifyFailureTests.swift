import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// A batch with unreadable files: the others are classified, and each failure has a record in its place.
@Suite(.timeLimit(.minutes(10)))
struct ClassifyFailureTests {
    @Test func `An unreadable file has an error record in its place, and the others are classified`()
        async throws
    {
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
        // One line per failure.
        #expect(result.errorLines.count == 4)
        #expect(result.errorLines.allSatisfy { $0.hasPrefix("astd: \(folder.path)/") })
    }

    @Test func `A full disk is an error with exit code 1`() async throws {
        let folder = try TestFolder()
        let result = try await Astd.classify([Astd.clip, "--output", "/dev/full"], in: folder)
        #expect(result.code == 1)
        #expect(result.errorLines == ["astd: /dev/full cannot be written: No space left on device"])
    }

    @Test func `A program without standard input reads no other file in its place`() async throws {
        let folder = try TestFolder()
        let script = #"""
            $astd classify --model $model - <&-; echo "- $?"
            $astd classify --model $model $clip >&-; echo "output $?"
            $astd run --model $model --source stdin --fast --runtime-dir . <&-; echo "source $?"
            """#
        let exit = try await NameTests.run("set +e; " + script, in: folder)
        #expect(exit.lines.filter { !$0.hasPrefix("{") } == ["- 1", "output 1", "source 69"])
        #expect(exit.lines.allSatisfy { !$0.contains("labels") }, "\(exit.lines)")
        #expect(exit.errorLines.contains { $0.contains("standard input") }, "\(exit.errorLines)")
        #expect(exit.errorLines.contains { $0.contains("standard output") }, "\(exit.errorLines)")
    }

    @Test func `A name with a leading dash is not taken for options`() async throws {
        let script = "cp $clip ./-dash.wav; set +e; $astd classify --model $model *.wav; echo $?"
        let exit = try await NameTests.run(script, in: TestFolder())
        #expect(exit.lines == ["64"])
        let message = exit.errorLines.first ?? ""
        #expect(message.contains("write ./-dash.wav for the file"), "\(message)")
    }

    @Test func `Two adapters of one name, which records could not tell apart, are rejected`() async throws {
        let folder = try TestFolder()
        let adapter = Astd.repository + "/Tests/Golden/adapters/modern-qv"
        for name in ["a/run", "b/run"] { try folder.copy(adapter, to: name) }
        let paths = ["a/run", "b/run"].flatMap { ["--adapter", folder.file($0)] }
        let exit = try await Astd.classify([Astd.clip] + paths, in: folder)
        #expect(exit.code == 66)
        #expect(exit.errorLines.first?.contains("two adapters are named run; rename one") == true)
    }

    @Test(arguments: [
        ("jsonl", "x.csv"), ("csv", "x.json"), ("raven", "x.CSV"), ("csv", "x.xlsx"), ("jsonl", "x.parquet"),
    ])
    func `A table is not written under the name of another format`(format: String, name: String)
        async throws
    {
        let folder = try TestFolder()
        let path = folder.file(name)
        let exit = try await Astd.classify([Astd.clip, "--format", format, "--output", path], in: folder)
        #expect(exit.code == 64)
        #expect(exit.errorLines.first?.contains("--output \(path) ends in") == true, "\(exit.errorLines)")
    }

    @Test func `A reader that closes the pipe early is not an error`() async throws {
        let folder = try TestFolder()
        let command =
            "set -o pipefail; '\(try Astd.path("astd"))' classify --model '\(Astd.model)' --hop 0.01 '\(Astd.clip)' "
            + "| head -n 1"
        let result = try await ChildProcess(["bash", "-c", command], in: folder, package: "bash").exit()
        #expect(result.code == 0)
        #expect(result.lines.count == 1)
        #expect(result.errorLines.isEmpty)
    }

    @Test func `A missing model exits with 66, missing paths with 64`() async throws {
        let folder = try TestFolder()
        let noModel = try await Astd.run(
            ["astd", "classify", "--model", folder.file("nothing"), Astd.clip], in: folder)
        #expect(noModel.code == 66)
        #expect(noModel.errorLines.count == 1)
        let nothing = try await Astd.run(["astd", "classify", "--model", Astd.model], in: folder)
        #expect(nothing.code == 64)
        #expect(nothing.errorLines.count == 1)
    }

    /// Stacks larger than the address space: the system refuses every thread, also to root, whom no limit on
    /// processes binds. The product library starts its threads before `main` and is configured to start none.
    @Test(arguments: [["--jobs", "3"], ["--jobs", "1", "--threads", "3"]])
    func `A thread that cannot be started is one line and exit status 1`(arguments: [String]) async throws {
        let folder = try TestFolder()
        let limited = "ulimit -s 200000000000 && exec \"$0\" \"$@\""
        let astd = [try Astd.path("astd"), "classify", "--model", Astd.model, Astd.clip]
        let exit = try await ChildProcess(
            ["bash", "-c", limited] + astd + arguments, in: folder,
            environment: ["OPENBLAS_NUM_THREADS": "1"], package: "bash"
        ).exit()
        #expect(exit.code == 1)
        #expect(exit.lines.isEmpty)
        #expect(exit.errorLines == ["astd: cannot create a thread; check `ulimit -u`"])
    }

    /// Runs a program that obeys file permissions, also when the tests run as root.
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

/// The command line of a batch.
@Suite(.timeLimit(.minutes(10)))
struct ClassifyArgumentTests {
    @Test(arguments: [
        (["--format", "csv,audacity"], "--output"), (["--format", "jsonl,xml"], "xml"),
        (["--format", "json"], "following: text, jsonl, csv,"), (["--output", "-"], "leave --output out"),
        (["--min-score", "2"], "at most 1"), (["--min-score", "nan"], "--min-score"),
        (["--format", "raven-combined", "--channel", "each"], "one channel per file"),
        (["--start-time", "2024-05-01T05:30:00"], "one recording"), (["--jobs", "0"], "--jobs"),
        (["--top-k", "-1"], "--top-k is -1: give 1 or more"), (["--hop", "-1"], "--hop is -1.0"),
        (["--hop", "0.015"], "--hop is 0.015: give 0.01 to 600 seconds, in steps of 0.01"),
        (["--min-score", "1e300"], "--min-score must be between"),
        (["--jobs", "-2"], "--jobs is -2"), (["--threads", "-1"], "--threads is -1"),
        (["--min-window", "-1"], "--min-window is -1"), (["--channel", "-1"], "--channel"),
        (["--hop", "auto"], "--hop auto follows a live stream"),
        (["--time-zone", "-25:00"], "--time-zone -25:00 is unknown"),
        (["--time-zone", "Nowhere/City"], "(see `astd classify --help`)"),
        (["--report", "r.pdf"], "ends in .pdf"),
        (["--events", "--set", "hop=0"], "(see `astd classify --help`)"),
        (["--resume"], "--output"), (["-", "--files-from", "-"], "standard input"),
        (["-", "-"], "only once"), (["/dev/stdin", "-"], "only once"),
        (["-", "--files-from", "/dev/stdin"], "not both"),
        (["--aggregate", "sum"], "sum"),
        (["--format", "raven"], "--output"),
        (["--format", "csv,text", "--output", "/dev/null"], "directory"),
    ])
    func `Contradictory options are refused with advice`(arguments: [String], mention: String) async throws {
        let folder = try TestFolder()
        let result = try await Astd.run(
            ["astd", "classify", "--model", Astd.model, Astd.clip, Astd.clip] + arguments, in: folder)
        #expect(result.code == 64)
        #expect(result.lines.isEmpty)
        #expect(result.errorLines.first?.contains(mention) == true, "\(result.errorLines)")
    }

    @Test(arguments: [("spectrogram", "x.png"), ("features", "x.npy")])
    func `A picture or an array that cannot be written whole leaves no file`(command: String, name: String)
        async throws
    {
        let folder = try TestFolder()
        // A limit on the size of files stands for a full disk: both make write(2) fail.
        let limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\"", try Astd.path("astd")]
        let arguments = [
            command, "--model", Astd.model, "--no-cache", Astd.clip, "--output", folder.file(name),
        ]
        let result = try await ChildProcess(limited + arguments, in: folder, package: "bash").exit()
        #expect(result.code == 1)
        #expect(result.errorLines == ["astd: \(folder.file(name)) cannot be written: File too large"])
        #expect(!TestFolder.exists(folder.file(name)) && !TestFolder.exists(folder.file(name) + ".partial"))
    }

    @Test func `An output whose name says that it is of another kind is refused`() async throws {
        let folder = try TestFolder()
        for (command, name, message) in [
            ("spectrogram", "x.jpg", "ends in .jpg, but the output is a picture in PNG format"),
            ("features", "x.csv", "ends in .csv, but the output is an array in NPY format"),
        ] {
            let result = try await Astd.run(
                ["astd", command, "--model", Astd.model, Astd.clip, "--output", folder.file(name)], in: folder
            )
            #expect(result.code == 64)
            #expect(result.errorLines.count == 1)
            #expect(result.errorLines[0].contains(message), "\(result.errorLines)")
            #expect(!TestFolder.exists(folder.file(name)))
        }
        let table = try await Astd.run(
            ["astd", "classify", "--model", Astd.model, Astd.clip, "--output", folder.file("o/labels.csv")],
            in: folder)
        #expect(table.code == 0)
        #expect(try TestFolder.bytes(of: folder.file("o/labels.csv")).starts(with: "file,start,end".utf8))
    }

    @Test func `A pipe that the shell names is read as a stream`() async throws {
        let folder = try TestFolder()
        let astd = "'\(try Astd.path("astd"))' classify --model '\(Astd.model)' --top-k 1 --format csv"
        let command =
            "\(astd) <(cat '\(Astd.clip)') | cut -d, -f2-; \(astd) '\(Astd.clip)' | cut -d, -f2-; "
            + "\(astd) /dev/stdin < <(cat '\(Astd.clip)') | cut -d, -f2-; mkfifo '\(folder.file("p"))'; \(astd) '\(folder.file("p"))'"
        let result = try await ChildProcess(["bash", "-c", command], in: folder, package: "bash").exit()
        #expect(result.code == 1)
        #expect(result.lines.count == 3 * 6 + 2)
        #expect(result.lines[0..<6] == result.lines[6..<12])
        #expect(result.lines[0..<6] == result.lines[12..<18])
        #expect(result.errorLines.count == 1)
        #expect(
            result.errorLines[0].contains("/p is a pipe, not a regular file: copy it to a file, or pipe it"))
    }

    @Test func `Audio on standard input, and label files of one recording, go to standard output`()
        async throws
    {
        let folder = try TestFolder()
        let astd = "'\(try Astd.path("astd"))' classify --model '\(Astd.model)' --top-k 1"
        let command =
            "\(astd) --format audacity - < '\(Astd.clip)' && cat '\(Astd.clip)' | \(astd) --format raven -"
        let result = try await ChildProcess(["bash", "-c", command], in: folder, package: "bash").exit()
        #expect(result.code == 0)
        #expect(result.errorLines.isEmpty)
        // Five windows in Audacity's format; a header and five windows in Raven's.
        try #require(result.lines.count == 5 + 1 + 5)
        #expect(result.lines[0].hasPrefix("0.000000\t0.960000\t"))
        #expect(result.lines[5].hasPrefix("Selection\tView\t"))
    }

    @Test func `Records of a list of files have the order of the list`() async throws {
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
