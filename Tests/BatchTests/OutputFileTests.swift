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

@Suite struct JournalTests {
    private static let settings = [("--hop", "1.0"), ("--top-k", "5")]

    private static func journal(
        _ folder: TestFolder, _ settings: [(String, String)] = settings, outputs: Int = 1
    ) throws -> Journal {
        try Journal(
            path: folder.file("journal"), of: "out", settings: settings, outputs: outputs, resumes: true)
    }

    private static func note(_ journal: Journal, _ path: String, failed: Bool = false, sizes: [Int64]) throws
    {
        try journal.note(
            .init(path: path, hasFailed: failed, windows: 2, events: 3, seconds: 0.1, sizes: sizes), sync: {})
    }

    @Test func `What was noted is finished, each time it was`() throws {
        let folder = try TestFolder()
        let first = try Self.journal(folder)
        #expect(first.sizes == nil && first.finished.files == 0)
        try Self.note(first, "a \"b\"\n.wav", sizes: [10])
        try Self.note(first, "twice", failed: true, sizes: [20])
        try Self.note(first, "twice", sizes: [30])
        var isSynced = false
        try first.flush { isSynced = true }
        #expect(isSynced, "what is promised is there")
        // Its lock goes with it.
        withExtendedLifetime(first) {}
        let copy = try TestFolder()
        try copy.write(TestFolder.bytes(of: folder.file("journal")), to: "journal")
        let second = try Self.journal(copy)
        var finished = second.finished
        #expect(second.sizes == [30] && finished.files == 3 && finished.failed == 1 && finished.windows == 6)
        #expect(finished.events == 9)
        #expect(finished.audioSeconds == 0.3)
        #expect(finished.take("twice") && finished.take("twice") && !finished.take("twice"))
        #expect(finished.take("a \"b\"\n.wav") && !finished.take("other"))
    }

    @Test func `A line that was cut off by the end of its process does not count`() throws {
        let folder = try TestFolder()
        let first = try Self.journal(folder)
        try Self.note(first, "a", sizes: [1])
        try Self.note(first, "b", sizes: [2])
        try first.flush {}
        let bytes = try TestFolder.bytes(of: folder.file("journal"))
        for length in 0...bytes.count {
            let other = try TestFolder()
            try other.write(bytes[..<length], to: "journal")
            let lines = bytes[..<length].filter { $0 == UInt8(ascii: "\n") }.count
            let resumed = try Self.journal(other)
            #expect(resumed.finished.files == max(0, lines - 1), "\(length) bytes")
            try Self.note(resumed, "c", sizes: [3])
            try resumed.flush {}
            let text = String(decoding: try TestFolder.bytes(of: other.file("journal")), as: UTF8.self)
            #expect(text.split(separator: "\n").count == max(1, lines) + 1)
        }
    }

    @Test func `Another run, another program's file and a run at work are told apart`() throws {
        let folder = try TestFolder()
        let running = try Self.journal(folder)
        #expect { try Self.journal(folder) } throws: { ("\($0)").contains("is running") }
        withExtendedLifetime(running) {}
        let other = try TestFolder()
        try other.write(TestFolder.bytes(of: folder.file("journal")), to: "journal")
        #expect { try Self.journal(other, [("--hop", "2.0"), ("--top-k", "5")]) } throws: {
            ("\($0)").contains("--hop 1.0, not 2.0")
        }
        try other.write("a list of mine\n", to: "journal")
        #expect { try Self.journal(other) } throws: { ("\($0)").contains("no journal of astd") }
        #expect(try TestFolder.bytes(of: other.file("journal")) == Array("a list of mine\n".utf8))
    }
}

@Suite struct ProgressBarTests {
    private static func line(_ fraction: Double?, columns: Int = 100, name: String = "bird\n.wav") -> String {
        ProgressBar.line(
            files: 3, of: fraction == nil ? nil : 12, fraction: fraction, audioSeconds: 500,
            elapsedSeconds: 100,
            name: name, columns: columns)
    }

    @Test func `A line has the bar, the files, the speed and the time that is left`() {
        #expect(
            Self.line(0.25)
                == "[#####---------------] 25 %  3 of 12 files  5.0 x real time  5:00 left  bird?.wav")
        #expect(Self.line(nil) == "3 files  5.0 x real time  bird?.wav")
        #expect(Self.line(0.001).contains(" 0 %  ") && !Self.line(0.001).contains("left"))
        #expect(Self.line(1.5).hasPrefix("[####################] 100 %"))
    }

    @Test func `A line never wraps`() {
        for columns in [10, 40, 75, 80, 200] {
            #expect(
                Self.line(0.5, columns: columns, name: String(repeating: "x", count: 300)).count < columns)
        }
    }
}
