import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// A batch that is interrupted and resumed gives the result of an uninterrupted one.
@Suite(.timeLimit(.minutes(10)))
struct ResumeTests {
    /// Every file below a directory, by its path in there.
    private static func tree(_ path: String) throws -> [String: [UInt8]] {
        var tree: [String: [UInt8]] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            var isDirectory = false
            if FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isDirectory),
                !isDirectory
            {
                tree[name] = try TestFolder.bytes(of: "\(path)/\(name)")
            }
        }
        return tree
    }

    /// Twelve recordings and two files that are not audio, as a list of paths.
    private static func recordings(_ folder: TestFolder) throws -> String {
        for number in 10..<22 { try folder.copy(Astd.clip, to: "in/\(number).wav") }
        try folder.write("no sound".utf8, to: "in/15-text.wav")
        try folder.write([], to: "in/20-empty.wav")
        let names = try TestFolder.names(in: folder.file("in")).sorted()
        let list = names.map { folder.file("in/\($0)") + "\n" }.joined()
        try folder.write(list, to: "list")
        return list
    }

    private static func command(_ folder: TestFolder, list: String = "list") -> [String] {
        [
            "astd", "classify", "--model", Astd.model, "--hop", "0.03", "--jobs", "2", "--threads", "2",
            "--files-from", folder.file(list),
        ]
    }

    private static let allFormats = ["--format", "jsonl,csv,audacity,raven"]

    /// A pipe with a list of files that does not end, so that no run is over before it is interrupted.
    private final class EndlessList {
        static let name = "endless-list"
        private let descriptor: Int32

        init(_ list: String, in folder: TestFolder) throws {
            try? folder.remove(Self.name)
            try #require(mkfifo(folder.file(Self.name), 0o600) == 0)
            // Also open for reading, so that opening does not wait for the reader.
            descriptor = open(folder.file(Self.name), O_RDWR | O_CLOEXEC)
            try #require(write(descriptor, list, list.utf8.count) == list.utf8.count)
        }

        deinit { close(descriptor) }
    }

    @Test(arguments: [[], ["--events", "--set", "detection.on=0.1", "--set", "detection.minimum_hits=1"]])
    func `After kill -9 at random moments the result is that of an undisturbed run, byte for byte`(
        _ options: [String]
    ) async throws {
        let folder = try TestFolder()
        let list = try Self.recordings(folder)
        // The page names its recordings as seen from its own place.
        let (whole, cut) = (folder.file("whole"), folder.file("cut"))
        let undisturbed = try await Astd.run(
            Self.command(folder) + Self.allFormats + options
                + ["--output", whole, "--report", whole + "/report.html"], in: folder)
        #expect(undisturbed.code == 1)
        #expect(undisturbed.errorLines.count == 3, "two failures and the totals")

        let resuming =
            Self.allFormats + options + ["--output", cut, "--report", cut + "/report.html", "--resume"]
        // Moments are places in the output, not times.
        let size = try TestFolder.bytes(of: whole + "/labels.jsonl").count
        for moment in (0..<4).map({ _ in Int.random(in: 0...(size * 9 / 10)) }).sorted() {
            let endless = try EndlessList(list, in: folder)
            let program = try Astd.start(
                Self.command(folder, list: EndlessList.name) + resuming, in: folder)
            try await eventually("\(moment) bytes of output") {
                if let code = program.exitCode() {
                    throw TestFailure("astd exited with \(code): \(try program.standardError())")
                }
                return Self.size(of: cut + "/labels.jsonl.partial")
            } until: {
                $0 >= moment
            }
            program.send(SIGKILL)
            #expect(try await program.exit().code == 128 + SIGKILL)
            withExtendedLifetime(endless) {}
        }
        #expect(try await Astd.run(Self.command(folder) + resuming, in: folder).code == 1)
        let (wanted, found) = (try Self.tree(whole), try Self.tree(cut))
        // Two label files per recording; records as JSON and CSV, the summary, the page, and the journal.
        #expect(wanted.count == 2 * 12 + 5)
        #expect(wanted.keys.sorted() == found.keys.sorted())
        // The journal has the path of the page.
        for (name, bytes) in wanted where name != "labels.journal" {
            #expect(found[name] == bytes, "\(name)")
        }
    }

    /// The size of a file; 0 when there is none.
    private static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    @Test func `Ctrl-C keeps the finished files, and --resume continues after them`() async throws {
        let folder = try TestFolder()
        let list = try Self.recordings(folder)
        let wholePath = folder.file("whole")
        #expect(
            try await Astd.run(Self.command(folder) + ["--output", wholePath], in: folder).code == 1)
        let output = folder.file("out")
        let endless = try EndlessList(list, in: folder)
        let program = try Astd.start(
            Self.command(folder, list: EndlessList.name) + ["--output", output], in: folder)
        let partial = output + ".partial"
        try await eventually(
            "records of three files",
            that: {
                guard TestFolder.exists(partial) else { return false }
                return String(decoding: try TestFolder.bytes(of: partial), as: UTF8.self).contains("/12.wav")
            })
        program.send(SIGINT)
        let interrupted = try await program.exit()
        withExtendedLifetime(endless) {}
        #expect(interrupted.code == 130, "\(interrupted.errorLines)")
        #expect(!TestFolder.exists(output), "an incomplete output has another name")
        let kept = try TestFolder.bytes(of: partial)
        let wanted = try TestFolder.bytes(of: wholePath)
        #expect(kept.count > 0)
        #expect(wanted.starts(with: kept))
        // Whole files: what follows in the whole output belongs to another file.
        let text = String(decoding: kept, as: UTF8.self)
        let lastFile = try #require(text.split(separator: "\n").last?.split(separator: "\"")[3])
        #expect(!String(decoding: wanted[kept.count...], as: UTF8.self).contains(lastFile))

        let arguments = Self.command(folder) + ["--output", output]
        let refused = try await Astd.run(arguments, in: folder)
        #expect(refused.code == 1)
        #expect(refused.errorLines.first?.contains("--resume") == true, "hours of work are not overwritten")
        let other = try await Astd.run(arguments + ["--resume", "--top-k", "1"], in: folder)
        #expect(other.code == 1)
        #expect(other.errorLines.first?.contains("--top-k 5, not 1") == true)
        #expect(try await Astd.run(arguments + ["--resume"], in: folder).code == 1)
        #expect(try TestFolder.bytes(of: output) == wanted)
        #expect(!TestFolder.exists(partial))
        let again = try await Astd.run(arguments + ["--resume"], in: folder)
        #expect(again.code == 1, "two files failed")
        #expect(again.errorLines.count == 1)
        #expect(again.errorLines[0].contains("is already complete (14 files, of which 2 failed"))
        #expect(try TestFolder.bytes(of: output) == wanted)
    }

    @Test func `A full disk is an error, and --resume continues when there is room again`()
        async throws
    {
        let folder = try TestFolder()
        _ = try Self.recordings(folder)
        let command = Self.command(folder) + Self.allFormats
        let whole = try await Astd.run(command + ["--output", folder.file("whole")], in: folder)
        #expect(whole.code == 1)
        // A limit on the size of files stands for a full disk: both make write(2) fail.
        let output = folder.file("out")
        let resuming = command + ["--output", output, "--resume"]
        let limited = [
            "bash", "-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"", try Astd.path("astd"),
        ]
        let result = try await ChildProcess(limited + resuming.dropFirst(), in: folder, package: "bash")
            .exit()
        #expect(result.code == 1)
        let message = try #require(result.errorLines.last)
        #expect(message.contains("cannot be written: File too large; "))
        #expect(message.hasSuffix("finished: make room or repair it, and continue with --resume"))
        let kept = try TestFolder.bytes(of: output + "/labels.jsonl.partial")
        #expect(kept.last == UInt8(ascii: "\n"))
        let resumed = try await Astd.run(resuming, in: folder)
        #expect(resumed.code == 1)
        #expect(try Self.tree(output) == Self.tree(folder.file("whole")))
    }

    @Test func `--resume on complete outputs compares options and files, and tries failed files again`()
        async throws
    {
        let folder = try TestFolder()
        for name in ["a", "c"] { try folder.copy(Astd.clip, to: "in/\(name).wav") }
        let bytes = try TestFolder.bytes(of: Astd.clip)
        try folder.write(bytes.prefix(bytes.count / 2), to: "in/b.wav")
        let output = folder.file("o.csv")
        func resume(_ options: [String] = ["--format", "csv", "--output"], _ paths: [String] = ["in"])
            async throws
            -> (code: Int32, last: String)
        {
            let exit = try await Astd.run(
                ["astd", "classify", "--model", Astd.model, "--hop", "10", "--resume"]
                    + paths.map { folder.file($0) } + options + (options.last == "--output" ? [output] : []),
                in: folder)
            return (exit.code, exit.errorLines.last ?? "")
        }
        #expect(try await resume().code == 1)
        let first = try TestFolder.bytes(of: output)
        let same = try await resume()
        #expect(same.code == 1)
        #expect(same.last.contains("already complete (3 files, of which 1 failed"), "\(same)")
        let other = try await resume(["--top-k", "1", "--format", "csv", "--output"])
        #expect(other.code == 1)
        #expect(
            other.last.contains("o.csv is complete, and was made with --top-k 5, not 1; delete it"),
            "\(other)")
        let fewer = try await resume(["--format", "csv", "--output"], ["in/a.wav", "in/b.wav"])
        #expect(fewer.code == 1)
        #expect(fewer.last.contains("with 1 file (") && fewer.last.contains("no longer has"), "\(fewer)")
        try folder.copy(Astd.clip, to: "in/d.wav")
        let more = try await resume()
        #expect(more.code == 1)
        #expect(more.last.contains("is complete, but without 1 file ("), "\(more)")
        #expect(try TestFolder.bytes(of: output) == first, "nothing was changed")
        try folder.remove("in/d.wav")
        // The failed file is whole now.
        try folder.write(bytes, to: "in/b.wav")
        let mended = try await resume()
        #expect(mended.code == 0, "\(mended)")
        let whole = try await Astd.run(
            [
                "astd", "classify", "--model", Astd.model, "--hop", "10", folder.file("in"), "--format",
                "csv",
                "--output", folder.file("whole.csv"),
            ], in: folder)
        #expect(whole.code == 0)
        #expect(try TestFolder.bytes(of: output) == TestFolder.bytes(of: folder.file("whole.csv")))
        #expect(try await resume().code == 0)
        let one = try await resume(["--format", "csv", "--output"], ["in/a.wav"])
        #expect(one.last.contains("no longer has"), "not the number of threads: \(one)")
        try folder.write(first.prefix(20), to: "o.csv")
        #expect(try await resume().last.contains("fewer than the"))
        try folder.remove("o.csv.journal")
        let unknown = try await resume()
        #expect(unknown.code == 1)
        #expect(unknown.last.contains("o.csv exists, but"), "\(unknown)")
        let device = try await resume(["--format", "csv", "--output", "/dev/null"])
        #expect(device.code == 1)
        #expect(device.last.contains("only files can be resumed"), "\(device)")
    }

    @Test func `--resume on complete outputs says that the drive of their input is missing`() async throws {
        let folder = try TestFolder()
        for name in ["a", "b"] { try folder.copy(Astd.clip, to: "drive/\(name).wav") }
        let files = ["a", "b"].map { folder.file("drive/\($0).wav") }
        try folder.write(files.map { $0 + "\n" }.joined(), to: "list")
        for input in [["--files-from", folder.file("list")], files, [folder.file("drive")]] {
            let output = folder.file("out-\(input.count)-\(input[0].hasPrefix("-")).csv")
            func resume() async throws -> ChildProcess.Exit {
                try await Astd.run(
                    ["astd", "classify", "--model", Astd.model, "--hop", "10", "--resume"] + input
                        + ["--output", output], in: folder)
            }
            #expect(try await resume().code == 0)
            let complete = try await resume()
            #expect(complete.code == 0 && complete.errorLines.last?.contains("is already complete") == true)
            let written = try TestFolder.bytes(of: output)
            #expect(rename(folder.file("drive"), folder.file("elsewhere")) == 0)
            let missing = try await resume()
            #expect(rename(folder.file("elsewhere"), folder.file("drive")) == 0)
            #expect(missing.code == 1)
            let message = missing.errorLines.last ?? ""
            #expect(
                message.contains("its input is not there now, ") || message.contains("does not exist"),
                "\(message)")
            #expect(message.contains("/drive") && !message.contains("already complete"), "\(message)")
            #expect(try TestFolder.bytes(of: output) == written)
        }
    }

    @Test func `What is left of an interrupted run is checked, and the message says what to do`() async throws
    {
        let folder = try TestFolder()
        let list = try Self.recordings(folder)
        let output = folder.file("out")
        let endless = try EndlessList(list, in: folder)
        let program = try Astd.start(
            Self.command(folder, list: EndlessList.name) + ["--output", output], in: folder)
        try await eventually(
            "records of three files",
            that: {
                guard TestFolder.exists(output + ".partial") else { return false }
                let bytes = try TestFolder.bytes(of: output + ".partial")
                return String(decoding: bytes, as: UTF8.self).contains("/12.wav")
            })
        program.send(SIGINT)
        #expect(try await program.exit().code == 130)
        withExtendedLifetime(endless) {}
        let journal = try TestFolder.bytes(of: output + ".journal")
        let resuming = Self.command(folder) + ["--output", output, "--resume"]
        func message() async throws -> String {
            let exit = try await Astd.run(resuming, in: folder)
            #expect(exit.code == 1)
            return exit.errorLines.joined(separator: "\n")
        }
        try folder.write("{}", to: "out.partial")
        #expect(try await message().contains("out.partial has 2 bytes, fewer than the"))
        try folder.remove("out.partial")
        #expect(
            try await message().contains("out is missing, also as")
        )
        #expect(try TestFolder.bytes(of: output + ".journal") == journal)
        try folder.write("{}", to: "out.partial")
        try folder.write([], to: "out.journal")
        #expect(try await message().contains("out.journal is empty, so it is unknown which files"))
        try folder.remove("out.partial")
        #expect(
            try await Astd.run(resuming, in: folder).errorLines.count == 3, "it starts over: two files fail")
    }
}
