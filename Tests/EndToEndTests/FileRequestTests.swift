import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// Classification of files by a running daemon.
@Suite(.timeLimit(.minutes(10)))
struct FileRequestTests {
    private func start(in folder: TestFolder, _ arguments: [String] = []) async throws -> RunningDaemon {
        try await RunningDaemon.start(
            ["--source", "file:\(try SeededClip.longSilence(in: folder))", "--precision", "fp32"] + arguments,
            in: folder)
    }

    /// The paths of the daemon's open files, without sockets, pipes and the like.
    private func openFiles(_ daemon: RunningDaemon) throws -> [String] {
        let folder = "/proc/\(daemon.program.identifier)/fd"
        return try TestFolder.names(in: folder).compactMap { TestFolder.link("\(folder)/\($0)") }
    }

    @Test func `astctl classify gives the windows of astd classify`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder)
        let options = [Astd.clip, "--hop", "0.5", "--top-k", "3"]
        let asked = try await daemon.astctl(arguments: ["classify"] + options)
        #expect(asked.code == 0)
        let batch = try await Astd.run(
            ["astd", "classify", "--model", Astd.model, "--precision", "fp32", "--format", "jsonl"] + options,
            in: folder)
        func records(_ result: ChildProcess.Exit) throws -> [BatchRecord] {
            try result.lines.map { try BatchRecord(JSONObject(parsing: Array($0.utf8))) }
        }
        let (ours, theirs) = (try records(asked), try records(batch))
        #expect(ours.count >= 5)
        #expect(ours.count == theirs.count)
        for (left, right) in zip(ours, theirs) {
            #expect(left.file == right.file)
            #expect(left.start == right.start)
            #expect(left.end == right.end)
            #expect(left.labels.map(\.label) == right.labels.map(\.label))
            // Scores differ in their last bits between numbers of threads.
            #expect(largestDifference(left.labels.map(\.score), right.labels.map(\.score)) < 1e-5)
        }
    }

    @Test func `astctl classify accepts a pipe, and options before its verbs`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder)
        let astctl = "'\(try Astd.path("astctl"))'"
        let socket = "--socket '\(daemon.folder.file(RunningDaemon.control))'"
        func labels(_ command: String) async throws -> [[ScoredLabel]] {
            let result = try await ChildProcess(["bash", "-c", command], in: folder, package: "bash").exit()
            try #require(result.code == 0, "\(String(decoding: result.errors, as: UTF8.self))")
            return try result.lines.map { try BatchRecord(JSONObject(parsing: Array($0.utf8))).labels }
        }
        let file = try await labels("\(astctl) classify '\(Astd.clip)' \(socket)")
        #expect(!file.isEmpty)
        #expect(try await labels("cat '\(Astd.clip)' | \(astctl) \(socket) classify -") == file)
        #expect(try await labels("\(astctl) \(socket) classify - < '\(Astd.clip)'") == file)
        let refused = try await Astd.run(
            [
                "astctl", "--socket", daemon.folder.file(RunningDaemon.control), "adapter", "load",
                "/nonexistent",
            ],
            in: folder)
        #expect(refused.code == 1)
        #expect(refused.errorLines.first?.contains("refused `adapter.load`") == true)
    }

    @Test func `astctl classify warns of channels that cancel, and classifies one of them`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder)
        var random = SeededGenerator(seed: 1)
        let sound = random.floats(32_000, in: -0.3...0.3).map { Int16($0 * 32767) }
        let path = try folder.write(wavFile([sound, sound.map { -$0 }]), to: "inverse.wav")
        let mono = try await daemon.astctl(arguments: [
            "classify", folder.write(wavFile([sound]), to: "mono.wav"),
        ])
        let mix = try await daemon.astctl(arguments: ["classify", path])
        #expect(mix.code == 0)
        #expect(mix.errorLines.count == 1 && mix.errorLines[0].contains("the mean of its 2 channels"))
        let left = try await daemon.astctl(arguments: ["classify", path, "--channel", "1"])
        #expect(left.code == 0 && left.errorLines == [])
        func labels(_ result: ChildProcess.Exit) throws -> [[ScoredLabel]] {
            try result.lines.map { try BatchRecord(JSONObject(parsing: Array($0.utf8))).labels }
        }
        #expect(try labels(left) == labels(mono))
        let third = try await daemon.astctl(arguments: ["classify", path, "--channel", "3"])
        #expect(third.code == 1)
        #expect(
            third.errorLines.first?.contains("has 2 channels, not 3: choose a channel from 1 to 2") == true)
    }

    @Test(arguments: ["watch", "top"])
    func `A misspelt label is reported with the one that was meant`(verb: String) async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder)
        let program = try Astd.start(
            ["astctl", verb, "--labels", "Sppech", "--socket", daemon.folder.file(RunningDaemon.control)],
            in: folder)
        try await eventually("the warning") {
            try program.standardError()
        } until: {
            $0.contains("no active model or adapter has a label 'Sppech'; did you mean 'Speech'?")
        }
    }

    @Test func `The position of a passed file is neither used nor changed`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder)
        let file = open(Astd.clip, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        lseek(file, 777, SEEK_SET)
        let client = try daemon.control()
        _ = try await client.nextObject()  // hello
        try client.askToClassify(#"{"name":"mine","top_k":1}"#, files: [file])
        let window = try BatchRecord(try await client.nextObject().requiredObject("params"))
        #expect(window.file == "mine")
        #expect(window.labels.count == 1)
        #expect(lseek(file, 0, SEEK_CUR) == 777)
    }

    @Test func `A descriptor that is not a readable audio file is refused by kind and closed`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder)
        let client = try daemon.control()
        _ = try await client.nextObject()
        var pipes: [Int32] = [0, 0]
        var sockets: [Int32] = [0, 0]
        try #require(
            pipe(&pipes) == 0 && socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
        let text = try folder.write(Array("not audio at all".utf8), to: "text.wav")
        let empty = try folder.write([], to: "empty.wav")
        let onlyNames: Int32 = 0o10000000  // O_PATH
        let cases: [(file: Int32, reason: String)] = [
            (open("/tmp", O_RDONLY), "is a folder"), (pipes[0], "is a pipe"), (sockets[0], "is a socket"),
            (open("/dev/zero", O_RDONLY), "is a character device"),
            (open(text, O_WRONLY), "not opened for reading"), (open(Astd.clip, onlyNames), "for reading"),
            (open(text, O_RDONLY), "is not audio"), (open(empty, O_RDONLY), "is empty"),
        ]
        defer { for file in cases.map(\.file) + [pipes[1], sockets[1]] { close(file) } }
        for (file, reason) in cases {
            try #require(file >= 0)
            try client.askToClassify(#"{"name":"x"}"#, files: [file])
            guard case .failure(_, let error) = try RPCMessage(try await client.nextObject()) else {
                Issue.record("\(reason): not refused")
                continue
            }
            #expect(error.code == .failed, "\(error.message)")
            #expect(error.message.contains(reason), "\(error.message)")
        }
        for (params, files, reason) in [
            ("{}", [], "no file was passed"), ("{}", [pipes[0], pipes[0]], "more than one file"),
            (#"{"path":"/x"}"#, [pipes[0]], "send one of them"), (#"{"path":"x"}"#, [], "absolute"),
            (#"{"hop":0}"#, [], "0.01 to 600"), (#"{"bottom_k":1}"#, [], "unknown parameter"),
        ] {
            try client.askToClassify(params, files: files)
            guard case .failure(_, let error) = try RPCMessage(try await client.nextObject()) else {
                Issue.record("\(reason): not refused")
                continue
            }
            #expect(error.code == .invalidParams, "\(error.message)")
            #expect(error.message.contains(reason), "\(error.message)")
        }
        let passed = cases.map { TestFolder.link("/proc/self/fd/\($0.file)") }
        try await eventually("none of the passed files is open") {
            try openFiles(daemon).filter(passed.contains)
        } until: {
            $0.isEmpty
        }
    }

    @Test func `A long file delays neither live windows nor other files, and ends with its client`()
        async throws
    {
        let folder = try TestFolder()
        let daemon = try await start(in: folder, ["--hop", "0.1"])
        let listener = try daemon.listen()
        let memory = try await daemon.status().memory.anonymousBytes
        let long = try SeededClip.silence(hours: 3, in: folder)
        let file = open(long, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        var client: RecordClient? = try daemon.control()
        _ = try await client?.nextObject()
        try client?.askToClassify(#"{"hop":0.01}"#, files: [file])
        for _ in 0..<5 { #expect(try await client?.nextObject()["method"] == .string("window")) }
        #expect(try openFiles(daemon).contains(long))
        // Another client's file is finished while hours of the first are left.
        let other = try await daemon.astctl("classify", Astd.clip)
        #expect(other.code == 0)
        #expect(other.lines.count >= 5)
        // The client does not read: its socket fills up, and the daemon's memory does not. Two seconds of
        // windows pass.
        for _ in 0..<20 { _ = try await listener.nextPrediction() }
        #expect(try await daemon.status().memory.anonymousBytes < memory + 32_000_000)
        client = nil
        try await eventually("the end of the long file") {
            try openFiles(daemon)
        } until: {
            !$0.contains(long)
        }
    }

    @Test func `astctl classify reports a file it cannot decode and exits with 1`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder)
        let missing = try await daemon.astctl("classify", folder.file("nothing.wav"))
        #expect(missing.code == 1)
        #expect(missing.errorLines.first?.contains("No such file") == true)
        let noAudio = try await daemon.astctl("classify", #filePath)
        #expect(noAudio.code == 1)
        #expect(noAudio.errorLines.first?.contains("it looks like text") == true)
    }

    @Test func `astctl top prints a table per window`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder, ["--hop", "0.1"])
        let top = try await daemon.astctl("top", "-n", "3", "--labels", "Speech")
        #expect(top.code == 0)
        #expect(top.lines.count(where: { $0.hasPrefix("LABEL") }) == 3)
        #expect(top.lines.count(where: { $0.hasPrefix("Speech ") }) == 3)
        #expect(!top.output.contains(0x1B))
    }

    /// A container may lack a terminal device.
    private static let hasTerminals = access("/dev/pts/ptmx", F_OK) == 0

    @Test(.enabled(if: hasTerminals, "this machine has no /dev/pts"))
    func `astctl top redraws a terminal in place, and restores the cursor after Ctrl-C`() async throws {
        let folder = try TestFolder()
        let daemon = try await start(in: folder, ["--hop", "0.1"])
        let typescript = folder.file("typescript")
        let top = "\(try Astd.path("astctl")) top --socket \(daemon.folder.file(RunningDaemon.control))"
        // script(1) provides the terminal; Ctrl-C would send the same signal.
        let isDrawn = "[ $(grep -ac LABEL \(typescript)) -ge 3 ]"
        let command = "\(top) & until \(isDrawn); do sleep 0.1; done; kill -INT $!; wait $!; echo code $?"
        let script = try ChildProcess(
            ["script", "-qefc", command, typescript], in: folder, package: "bsdutils")
        #expect(try await script.exit().code == 0)
        let drawn = String(decoding: try TestFolder.bytes(of: typescript), as: UTF8.self)
        #expect(drawn.contains("\u{1B}[?25l"))
        #expect(drawn.contains("A\r"), "moved up to redraw")
        #expect(drawn.contains("\u{1B}[?25hcode 0"))
    }
}
