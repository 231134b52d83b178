import Glibc
import TestSupport
import Testing

@testable import Batch

@Suite struct OutputFileTests {
    private static func text(_ path: String) throws -> String {
        String(decoding: try TestFolder.bytes(of: path), as: UTF8.self)
    }

    @Test func `A complete file replaces the old one; until then the old one stays`() throws {
        let folder = try TestFolder()
        let path = try folder.write("old", to: "out")
        let file = try OutputFile(path: path)
        try file.write(Array("new".utf8))
        #expect(try Self.text(path) == "old")
        #expect(try Self.text(path + ".partial") == "new", "writes are not buffered")
        try file.finish()
        #expect(try Self.text(path) == "new")
        #expect(access(path + ".partial", F_OK) != 0)
    }

    @Test func `A recording is never replaced by an output`() throws {
        let folder = try TestFolder()
        let sound = wavFile([[1, 2, 3]])
        let path = try folder.write(sound, to: "a.wav")
        let reason = "\(path) is a recording, which the output would replace; name another file"
        #expect(throws: WriteError(reason: reason)) { try OutputFile(path: path) }
        #expect(throws: WriteError(reason: reason)) {
            try BatchOutputs([.jsonl], to: .file(folder.file("o.jsonl")), report: path)
        }
        #expect(throws: WriteError(reason: reason)) { try BatchOutputs([.jsonl], to: .file(path)) }
        #expect(try TestFolder.bytes(of: path) == sound)
        #expect(try TestFolder.names(in: folder.path) == ["a.wav"])
    }

    @Test(arguments: ["o/labels.csv", "o/summary.json", "o/../o/labels.journal", "o/labels.csv.partial"])
    func `A report in the place of another output is refused before anything is written`(
        name: String
    ) throws {
        let folder = try TestFolder()
        try #require(mkdir(folder.file("o"), 0o755) == 0)
        let report = folder.file(name)
        #expect {
            try BatchOutputs([.csv], to: .directory(folder.file("o")), report: report)
        } throws: {
            ($0 as? WriteError)?.reason.hasPrefix("\(report) is the report and another output") == true
        }
        #expect(try TestFolder.names(in: folder.file("o")).isEmpty)
    }

    @Test func `A run in progress is not called interrupted`() throws {
        let folder = try TestFolder()
        let running = try BatchOutputs([.jsonl], to: .file(folder.file("o")))
        #expect {
            try BatchOutputs([.jsonl], to: .file(folder.file("o")))
        } throws: {
            ($0 as? WriteError)?.reason.contains("is in use by an astd that is running") == true
        }
        withExtendedLifetime(running) {}
    }

    @Test func `Resuming an unfinished file keeps its first bytes and appends`() throws {
        let folder = try TestFolder()
        try folder.write("whole.half", to: "out.partial")
        let file = try OutputFile(path: folder.file("out"), keeping: 6)
        try file.write(Array("again".utf8))
        #expect(file.size == 11)
        try file.finish()
        #expect(try Self.text(folder.file("out")) == "whole.again")
        try folder.write("abc", to: "short.partial")
        #expect(throws: WriteError.self) { try OutputFile(path: folder.file("short"), keeping: 4) }
    }

    @Test func `Resuming works when the file was renamed but its journal still exists`() throws {
        let folder = try TestFolder()
        try folder.write("whole", to: "out")
        let file = try OutputFile(path: folder.file("out"), keeping: 5)
        try file.finish()
        #expect(try Self.text(folder.file("out")) == "whole")
    }

    @Test func `A write error names the file and the reason`() throws {
        let folder = try TestFolder()
        try folder.write("", to: "file")
        let nowhere = folder.file("file/out")
        #expect {
            try OutputFile(path: nowhere)
        } throws: { error in
            (error as? WriteError)?.reason == "\(nowhere) cannot be written: Not a directory"
        }
        let full = try OutputFile(path: "/dev/full")
        #expect {
            try full.write([1])
        } throws: { error in
            (error as? WriteError)?.reason == "/dev/full cannot be written: No space left on device"
        }
    }

    @Test func `A link stays, and its target is written, whether it exists or not`() throws {
        let folder = try TestFolder()
        try folder.write("old", to: "real/old")
        for (link, target) in [("a", "real/old"), ("b", "real/new"), ("c", "real/../real/deep")] {
            // Relative to the link's own directory.
            try #require(symlink(target, folder.file(link)) == 0)
            let file = try OutputFile(path: folder.file(link))
            try file.write(Array(link.utf8))
            try file.finish()
            #expect(TestFolder.link(folder.file(link)) == target)
            #expect(try Self.text(folder.file(target)) == link)
        }
        #expect(
            OutputFile.target(of: "/dev/stdout") == "/dev/stdout"
                || OutputFile.isRegularOrAbsent("/dev/stdout"))
        #expect(OutputFile.target(of: "/dev/null") == "/dev/null")
    }

    @Test func `A closed pipe is distinguished from other write errors`() throws {
        let folder = try TestFolder()
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        let file = try OutputFile(path: path)
        close(reader)
        signal(SIGPIPE, SIG_IGN)  // like the program
        do throws(WriteError) {
            try file.write([1])
            Issue.record("writing to a closed pipe succeeded")
        } catch {
            #expect(error.isClosedPipe)
        }
    }

    @Test(arguments: [
        ("a.wav", "a.wav"), ("/data/x/a.wav", "data/x/a.wav"), ("./d//a.wav", "d/a.wav"),
        ("../a.wav", "%2E%2E/a.wav"), ("d/../../a.wav", "d/%2E%2E/%2E%2E/a.wav"), ("-", "standard-input"),
    ])
    func `The file of a recording is named after it and inside the directory`(
        path: String, name: String
    ) {
        #expect(RecordingNames.parts(path).joined(separator: "/") == name)
        #expect(RecordingNames(directory: "/tmp", suffix: ".raven.txt").name(of: path) == name + ".raven.txt")
    }

    @Test func `The directory of an output is created`() throws {
        let folder = try TestFolder()
        let file = try OutputFile(path: folder.file("a/b/out"))
        try file.finish()
        #expect(TestFolder.exists(folder.file("a/b/out")))
    }

    @Test func `Names and paths that are too long are shortened and stay different`() throws {
        let folder = try TestFolder()
        let names = RecordingNames(directory: folder.path, suffix: ".audacity.txt")
        let long = String(repeating: "ä", count: 125) + ".wav"
        let paths = [
            "d/" + long, "e/" + long, "d/" + long.dropLast(4) + ".mp3",
            String(repeating: "d/", count: 2030) + "a.wav", String(repeating: "d/", count: 2030) + "b.wav",
            "d/\(String(repeating: "m", count: 230)).wav", "d/\(String(repeating: "m", count: 231)).wav",
        ]
        let found = paths.map(names.name(of:))
        #expect(Set(found).count == paths.count)
        for name in found {
            let partial = "\(folder.path)/\(name).partial"
            #expect(partial.utf8.count < PATH_MAX)
            #expect(name.hasSuffix(".audacity.txt"))
            for part in partial.split(separator: "/") { #expect(part.utf8.count <= 255) }
        }
        #expect(found[5] == paths[5] + ".audacity.txt", "255 bytes with `.partial`")
        #expect(found[6].contains("~"))
    }
}
