import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// A batch that is disturbed ends as if nobody had disturbed it.
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

    /// Twenty recordings and two that are none.
    private static func recordings(_ folder: TestFolder) throws -> [String] {
        try FileManager.default.createDirectory(
            atPath: folder.file("in"), withIntermediateDirectories: true)
        for number in 10..<30 { _ = try folder.copy(Astd.clip, to: "in/\(number).wav") }
        try folder.write("no sound".utf8, to: "in/15-text.wav")
        try folder.write([], to: "in/25-empty.wav")
        return [
            "astd", "classify", "--model", Astd.model, "--hop", "0.03", "--jobs", "2", "--threads", "2",
            folder.file("in"),
            "--format", "jsonl,csv,audacity,raven",
        ]
    }

    @Test(arguments: [[], ["--events", "--set", "detection.on=0.1", "--set", "detection.minimum_hits=1"]])
    func `After kill -9 at random moments the result is that of an undisturbed run, byte for byte`(
        _ options: [String]
    ) async throws {
        let folder = try TestFolder()
        let command = try Self.recordings(folder) + options
        // The page names its recordings as seen from its own place.
        let (whole, cut) = (folder.file("whole"), folder.file("cut"))
        let undisturbed = try await Astd.run(
            command + ["--output", whole, "--report", whole + "/report.html"], in: folder)
        #expect(undisturbed.code == 1 && undisturbed.errorLines.count == 2)

        let resuming = command + ["--output", cut, "--report", cut + "/report.html", "--resume"]
        // Moments are places in the output, not times: a busy machine has as many.
        let size = try TestFolder.bytes(of: whole + "/labels.jsonl").count
        let moments = (0..<12).map { _ in Int.random(in: 0...(size * 9 / 10)) }.sorted()
        var kills = 0
        for moment in moments {
            let program = try ChildProcess([try Astd.path(resuming[0])] + resuming.dropFirst(), in: folder)
            let isThere = try await eventually("\(moment) bytes") { () -> Bool? in
                var status = stat()
                if stat(cut + "/labels.jsonl.partial", &status) == 0, status.st_size >= moment { return true }
                return stat(cut + "/summary.json", &status) == 0 ? false : nil
            }
            if isThere { try await Task.sleep(for: .microseconds(Int.random(in: 0...50_000))) }
            program.send(SIGKILL)
            if try await program.exit().code == 128 + SIGKILL { kills += 1 }
        }
        #expect(kills >= 6, "it was killed only \(kills) times")
        let last = try await Astd.run(resuming, in: folder)
        #expect(
            last.code == 1
                || last.errorLines == [
                    "astd: \(cut) is finished, there is nothing to go on with: remove it to begin anew"
                ])
        let (wanted, found) = (try Self.tree(whole), try Self.tree(cut))
        #expect(wanted.count == 2 * 20 + 4 && wanted.keys.sorted() == found.keys.sorted())
        // The journal names the page, whose name differs; nothing of that is left in the end.
        for (name, bytes) in wanted { #expect(found[name] == bytes, "\(name)") }
    }

    @Test func `Ctrl-C keeps what is finished, and the run goes on behind it`() async throws {
        let folder = try TestFolder()
        let command = try Self.recordings(folder)
        let whole = try await Astd.run(command.dropLast(2) + ["--output", folder.file("whole")], in: folder)
        #expect(whole.code == 1)
        let output = folder.file("out")
        let arguments = Array(command.dropLast(2)) + ["--output", output]
        let program = try ChildProcess([try Astd.path("astd")] + arguments.dropFirst(), in: folder)
        let partial = output + ".partial"
        _ = try await eventually("records of three files") {
            let text =
                TestFolder.exists(partial)
                ? String(decoding: try TestFolder.bytes(of: partial), as: UTF8.self) : ""
            return text.contains("/12.wav") ? true : nil
        }
        program.send(SIGINT)
        let result = try await program.exit()
        try #require(result.code == 130, "\(result)")
        #expect(!TestFolder.exists(output), "nothing half is where the whole is to be")
        let kept = try TestFolder.bytes(of: partial)
        let wanted = try TestFolder.bytes(of: folder.file("whole"))
        #expect(kept.count > 0 && kept.count < wanted.count && wanted.starts(with: kept))
        // Whole files: what follows in the whole output is another file's.
        let text = String(decoding: kept, as: UTF8.self)
        let lastFile = try #require(text.split(separator: "\n").last?.split(separator: "\"")[3])
        #expect(!String(decoding: wanted[kept.count...], as: UTF8.self).contains(lastFile))

        let refused = try await Astd.run(arguments, in: folder)
        #expect(
            refused.code == 1 && refused.errorLines.first?.contains("--resume") == true,
            "hours are not thrown away")
        let other = try await Astd.run(arguments + ["--resume", "--top-k", "1"], in: folder)
        #expect(other.code == 1 && other.errorLines.first?.contains("--top-k 5, not 1") == true)
        let resumed = try await Astd.run(arguments + ["--resume"], in: folder)
        #expect(resumed.code == 1)
        #expect(try TestFolder.bytes(of: output) == wanted)
        #expect(!TestFolder.exists(partial) && !TestFolder.exists(output + ".journal"))
        let again = try await Astd.run(arguments + ["--resume"], in: folder)
        #expect(again.code == 0 && again.errorLines.count == 1)
    }

    @Test func `A disk that is full is told, and what was finished is there when there is room again`()
        async throws
    {
        let folder = try TestFolder()
        let command = try Self.recordings(folder)
        let whole = try await Astd.run(command + ["--output", folder.file("whole")], in: folder)
        #expect(whole.code == 1)
        // A limit of the size of files stands for a full disk: both are errors of write.
        let output = folder.file("out")
        let resuming = command + ["--output", output, "--resume"]
        let limited = [
            "bash", "-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"", try Astd.path("astd"),
        ]
        let result = try await ChildProcess(limited + resuming.dropFirst(), in: folder, package: "bash")
            .exit()
        #expect(result.code == 1)
        #expect(result.errorLines.last?.hasSuffix("cannot be written: File too large") == true)
        let kept = try TestFolder.bytes(of: output + "/labels.jsonl.partial")
        #expect(kept.count > 0 && kept.last == UInt8(ascii: "\n"))
        let resumed = try await Astd.run(resuming, in: folder)
        #expect(resumed.code == 1)
        #expect(try Self.tree(output) == Self.tree(folder.file("whole")))
    }
}
