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
        let nowhere = folder.file("absent/out")
        #expect(throws: WriteError(reason: "\(nowhere) cannot be written: No such file or directory")) {
            try OutputFile(path: nowhere)
        }
        let full = try OutputFile(path: "/dev/full")
        #expect(throws: WriteError(reason: "/dev/full cannot be written: No space left on device")) {
            try full.write([1])
        }
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
        #expect(PerRecordingOutput.name(path) == name)
    }
}
