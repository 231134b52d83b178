import Glibc
import TestSupport
import Testing

@testable import Batch

@Suite struct OutputFileTests {
    private static func text(_ path: String) throws -> String {
        String(decoding: try TestFolder.bytes(of: path), as: UTF8.self)
    }

    @Test func `A file is in its place only when it is whole, and what was there stays until then`() throws {
        let folder = try TestFolder()
        let path = try folder.write("what was there", to: "out")
        let file = try OutputFile(path: path)
        try file.write(Array("new".utf8))
        #expect(try Self.text(path) == "what was there")
        #expect(try Self.text(path + ".partial") == "new", "a record is there as soon as it is written")
        try file.finish()
        #expect(try Self.text(path) == "new")
        #expect(access(path + ".partial", F_OK) != 0)
    }

    @Test func `An unfinished file is gone on with behind what counts`() throws {
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

    @Test func `A file that was moved before its journal was forgotten is gone on with too`() throws {
        let folder = try TestFolder()
        try folder.write("whole", to: "out")
        let file = try OutputFile(path: folder.file("out"), keeping: 5)
        try file.finish()
        #expect(try Self.text(folder.file("out")) == "whole")
    }

    @Test func `What cannot be written is told with its name and reason`() throws {
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

    @Test func `A reader that went away is told apart`() throws {
        let folder = try TestFolder()
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        let file = try OutputFile(path: path)
        close(reader)
        signal(SIGPIPE, SIG_IGN)  // as the program does
        do throws(WriteError) {
            try file.write([1])
            Issue.record("nobody reads this")
        } catch {
            #expect(error.isClosedPipe)
        }
    }

    @Test(arguments: [
        ("a.wav", "a.wav"), ("/data/x/a.wav", "data/x/a.wav"), ("./d//a.wav", "d/a.wav"),
        ("../a.wav", "%2E%2E/a.wav"), ("d/../../a.wav", "d/%2E%2E/%2E%2E/a.wav"), ("-", "standard-input"),
    ])
    func `Files of recordings are named as these are, and never outside their directory`(
        path: String, name: String
    ) {
        #expect(PerRecordingOutput.name(path) == name)
    }
}
