import Glibc
import TestSupport
import Testing

@testable import Batch

@Suite struct JournalTests {
    private static let fingerprint = ResumeFingerprint([("--hop", "1.0"), ("--top-k", "5")])

    private static func journal(
        _ folder: TestFolder, _ fingerprint: ResumeFingerprint = fingerprint
    ) throws -> Journal {
        try Journal(
            path: folder.file("journal"), of: "out", fingerprint: fingerprint, outputs: 1, resumes: true)
    }

    private static func append(to journal: Journal, _ path: String, failed: Bool = false, sizes: [Int64])
        throws
    {
        try journal.append(
            .init(path: path, hasFailed: failed, windows: 2, events: 3, seconds: 0.1, sizes: sizes), sync: {})
    }

    @Test func `A resumed journal has every entry, repeated paths included`() throws {
        let folder = try TestFolder()
        let first = try Self.journal(folder)
        #expect(first.sizes == nil)
        #expect(first.finished.files == 0)
        try Self.append(to: first, "a \"b\"\n.wav", sizes: [10])
        try Self.append(to: first, "twice", failed: true, sizes: [20])
        try Self.append(to: first, "twice", sizes: [30])
        var isSynced = false
        try first.flush { isSynced = true }
        #expect(isSynced, "the outputs are synced before the journal")
        // The first journal keeps its lock, so the second one reads a copy.
        withExtendedLifetime(first) {}
        let copy = try TestFolder()
        try copy.write(TestFolder.bytes(of: folder.file("journal")), to: "journal")
        let second = try Self.journal(copy)
        var finished = second.finished
        #expect(second.sizes == [30])
        #expect(finished.files == 3)
        #expect(finished.failed == 1)
        #expect(finished.windows == 6)
        #expect(finished.events == 9)
        #expect(finished.audioSeconds == 0.3)
        let removals = (0..<3).map { _ in finished.remove("twice") }
        #expect(removals == [true, true, false])
        let quoted = finished.remove("a \"b\"\n.wav")
        let other = finished.remove("other")
        #expect(quoted)
        #expect(!other)
    }

    @Test func `An incomplete line at the end of the journal is ignored`() throws {
        let folder = try TestFolder()
        let first = try Self.journal(folder)
        try Self.append(to: first, "a", sizes: [1])
        try Self.append(to: first, "b", sizes: [2])
        try first.flush {}
        let bytes = try TestFolder.bytes(of: folder.file("journal"))
        for length in 0...bytes.count {
            let other = try TestFolder()
            try other.write(bytes[..<length], to: "journal")
            let lines = bytes[..<length].filter { $0 == UInt8(ascii: "\n") }.count
            let resumed = try Self.journal(other)
            #expect(resumed.finished.files == max(0, lines - 1), "\(length) bytes")
            try Self.append(to: resumed, "c", sizes: [3])
            try resumed.flush {}
            let text = String(decoding: try TestFolder.bytes(of: other.file("journal")), as: UTF8.self)
            #expect(text.split(separator: "\n").count == max(1, lines) + 1)
        }
    }

    @Test func `Names that only differ in their Unicode normalisation are two files`() throws {
        var finished = FinishedFiles()
        finished.add(.init(path: "\u{E9}", hasFailed: false, windows: 0, events: 0, seconds: 0, sizes: []))
        let decomposed = finished.remove("e\u{301}")
        let composed = finished.remove("\u{E9}")
        #expect(!decomposed)
        #expect(composed)
    }

    @Test func `A file that failed is repeated, with what follows it, when it has changed`() throws {
        let folder = try TestFolder()
        let (absent, damaged) = (folder.file("absent.wav"), try folder.write("x", to: "damaged.wav"))
        let first = try Self.journal(folder)
        for (path, size) in [("a", 1), (damaged, 2), (absent, 3), ("b", 4)] as [(String, Int64)] {
            let state = path.utf8.count > 1 ? FileState(of: path) : nil
            try first.append(
                .init(
                    path: path, hasFailed: state != nil, windows: 0, events: 0, seconds: 0, sizes: [size],
                    state: state), sync: {})
        }
        try first.flush {}
        let bytes = try TestFolder.bytes(of: folder.file("journal"))
        func files() throws -> Int {
            let copy = try TestFolder()
            try copy.write(bytes, to: "journal")
            return try Self.journal(copy).finished.files
        }
        #expect(try files() == 4, "nothing has changed")
        try folder.write("sound", to: "absent.wav")
        #expect(try files() == 2, "up to the one that has appeared")
        try folder.write("whole now", to: "damaged.wav")
        #expect(try files() == 1)
        withExtendedLifetime(first) {}
    }

    @Test func `A file that could not be decoded is repeated when it can be decoded now`() throws {
        let folder = try TestFolder()
        let good = try folder.copy(Golden.path("clips/short.wav"), to: "good.wav")
        let bad = try folder.write("no sound", to: "bad.wav")
        let failed = [(good, "unsupported"), (good, "not_written"), (bad, "not_audio")]
        let worth = failed.map { path, code in
            Journal.Entry(
                path: path, hasFailed: true, windows: 0, events: 0, seconds: 0, sizes: [],
                state: FileState(of: path), code: code
            ).isWorthTrying
        }
        #expect(worth == [true, false, false])
    }

    @Test func `A file that vanished from its directory is always repeated`() {
        let state = FileState(of: "/absent/a.wav", isFromDirectory: true)
        #expect(state.isAbsent)
        #expect(state.hasChanged(of: "/absent/a.wav"))
    }

    @Test func `The journal of a complete run is recognised`() throws {
        let folder = try TestFolder()
        let journal = try Self.journal(folder)
        #expect(!Journal.isComplete(folder.file("journal")))
        try Self.append(to: journal, "a", sizes: [1])
        try journal.flush {}
        try journal.complete()
        #expect(Journal.isComplete(folder.file("journal")))
        #expect(!Journal.isComplete(folder.file("absent")))
    }

    @Test func `A journal in use, of other options or of another program is refused with the reason`() throws
    {
        let folder = try TestFolder()
        let running = try Self.journal(folder)
        #expect { try Self.journal(folder) } throws: { ("\($0)").contains("is running") }
        withExtendedLifetime(running) {}
        let other = try TestFolder()
        try other.write(TestFolder.bytes(of: folder.file("journal")), to: "journal")
        #expect {
            try Self.journal(other, ResumeFingerprint([("--hop", "2.0"), ("--top-k", "5")]))
        } throws: {
            ("\($0)").contains("--hop 1.0, not 2.0")
        }
        try other.write("a list of mine\n", to: "journal")
        #expect { try Self.journal(other) } throws: { ("\($0)").contains("is not a journal of astd") }
        #expect(try TestFolder.bytes(of: other.file("journal")) == Array("a list of mine\n".utf8))
    }
}
