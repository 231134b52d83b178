import Glibc
import GoldenSupport
import Testing
import Wire

@testable import Batch

@Suite struct RecordWriterTests {
    private static let record = BatchRecord(
        file: "dir/a \"b\".wav", start: 0.96, end: 1.3,
        labels: [
            ScoredLabel(index: 4, label: "Käuzchen", score: 0.75),
            ScoredLabel(index: 0, label: "Male speech, man speaking", score: 0.0625),
        ])
    private static let error = BatchError(file: "b.wav", code: "empty", message: "b.wav is empty (0 bytes)")

    /// What a writer leaves in its file.
    private static func written(_ format: RecordWriter.Format, _ write: (RecordWriter) throws -> Void) throws
        -> String
    {
        let folder = try TestFolder()
        let writer = try RecordWriter(format: format, path: folder.file("out"))
        try write(writer)
        try writer.finish()
        return String(decoding: try TestFolder.bytes(of: folder.file("out")), as: UTF8.self)
    }

    @Test func `A line of JSON is one object in a fixed order`() throws {
        let text = try Self.written(.jsonl) {
            try $0.write(Self.record)
            try $0.write(Self.error)
        }
        let wanted = #"""
            {"file":"dir/a \"b\".wav","start":0.96,"end":1.3,"labels":[\#
            {"index":4,"label":"Käuzchen","score":0.75},\#
            {"index":0,"label":"Male speech, man speaking","score":0.0625}]}
            {"file":"b.wav","error":{"code":"empty","message":"b.wav is empty (0 bytes)"}}

            """#
        #expect(text == wanted)
    }

    @Test func `A line of text is the file, the span and the labels, and errors are not in it`() throws {
        let text = try Self.written(.text) {
            try $0.write(Self.record)
            try $0.write(Self.error)
            try $0.write(BatchRecord(file: "c.wav", start: 0, end: 10.24, labels: []))
        }
        #expect(
            text == """
                dir/a "b".wav  0.96s - 1.30s  Käuzchen 0.750  Male speech, man speaking 0.062
                c.wav  0.00s - 10.24s  \n
                """)
    }

    @Test func `A file that is there is begun anew`() throws {
        let folder = try TestFolder()
        let path = try folder.write("something longer than a record of nothing at all ........", to: "out")
        let writer = try RecordWriter(format: .text, path: path)
        try writer.write(BatchRecord(file: "c", start: 0, end: 1, labels: []))
        try writer.finish()
        #expect(String(decoding: try TestFolder.bytes(of: path), as: UTF8.self) == "c  0.00s - 1.00s  \n")
    }

    @Test func `A record is there as soon as it is written`() throws {
        let folder = try TestFolder()
        let writer = try RecordWriter(format: .jsonl, path: folder.file("out"))
        try writer.write(Self.error)
        #expect(try TestFolder.bytes(of: folder.file("out")) == Self.error.encoded())
        try writer.finish()
    }

    @Test func `What cannot be written is told with its name and reason`() throws {
        let folder = try TestFolder()
        let nowhere = folder.file("absent/out")
        #expect(
            throws: RecordWriter.WriteError(
                reason: "\(nowhere) cannot be written: No such file or directory", isClosedPipe: false)
        ) { try RecordWriter(format: .jsonl, path: nowhere) }
        let full = try RecordWriter(format: .jsonl, path: "/dev/full")
        #expect(
            throws: RecordWriter.WriteError(
                reason: "/dev/full cannot be written: No space left on device", isClosedPipe: false)
        ) { try full.write(Self.record) }
    }

    @Test func `A reader that went away is told apart`() throws {
        let folder = try TestFolder()
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        let writer = try RecordWriter(format: .jsonl, path: path)
        close(reader)
        signal(SIGPIPE, SIG_IGN)  // as the program does
        do throws(RecordWriter.WriteError) {
            try writer.write(Self.record)
            Issue.record("nobody reads this")
        } catch {
            #expect(error.isClosedPipe)
        }
    }
}
