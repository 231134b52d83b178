import Glibc
import TestSupport
import Testing

@testable import Batch

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
        #expect(finished.remove("twice") && finished.remove("twice") && !finished.remove("twice"))
        #expect(finished.remove("a \"b\"\n.wav") && !finished.remove("other"))
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
