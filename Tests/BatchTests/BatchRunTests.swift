import Glibc
import TestSupport
import Recognizer
import Testing

@testable import Batch

@Suite struct BatchRunTests {
    /// The lines and the reported errors of a run over `paths`.
    private static func run(
        _ paths: [String], list: String? = nil, format: RecordFormat = .jsonl, model: String? = nil
    ) throws -> (lines: [String], reported: [String], failed: Int) {
        let folder = try TestFolder()
        let output = folder.file("out")
        let outputs = try BatchOutputs([format], to: .file(output))
        var reported: [String] = []
        let run = BatchRun([try classifier()], outputs, ProgressBar(isVisible: false))
        let failed = try run.run(FileQueue(paths: paths, listPath: list)) { reported.append($0) }.failed
        let text = String(decoding: try TestFolder.bytes(of: output), as: UTF8.self)
        #expect(text.isEmpty || text.hasSuffix("\n"))
        return (text.split(separator: "\n").map(String.init), reported, failed)
    }

    private static func classifier() throws -> FileClassifier {
        let scorer = try WindowScorer(
            RecognizerOptions(model: Golden.path("models/single-label"), threads: 1))
        return FileClassifier(scorer, topK: 1, minimumScore: nil)
    }

    @Test func `Each file that is not audio gets its own error, and the files after it are classified`()
        throws
    {
        let folder = try TestFolder()
        let text = try folder.write("This is a letter, not a sound.\n", to: "letter.wav")
        let empty = try folder.write([UInt8](), to: "zero.wav")
        let picture = try folder.write(
            [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13], to: "picture.wav")
        let fifo = folder.file("pipe.wav")
        #expect(mkfifo(fifo, 0o600) == 0)
        let dangling = try folder.link("dangling.wav", to: folder.file("absent"))
        let short = Golden.path("clips/too-short.wav")
        let good = Golden.path("clips/short.wav")
        let wanted = [
            (text, "not_audio"), (empty, "empty"), (picture, "not_audio"), (fifo, "not_a_file"),
            (dangling, "not_found"), (short, "too_short"), (Golden.path("clips/empty.wav"), "empty"),
            ("/dev/null", "not_a_file"),
        ]
        let result = try Self.run([good] + wanted.map(\.0) + [good])
        #expect(result.failed == wanted.count)
        #expect(result.reported.count == wanted.count)
        #expect(result.lines.count == wanted.count + 6, "a clip of 0.7 s has 3 windows of 0.32 s")
        for (line, (path, code)) in zip(result.lines.dropFirst(3), wanted) {
            #expect(line.hasPrefix(#"{"file":"\#(path)","error":{"code":"\#(code)","message":""#), "\(line)")
        }
        for (message, (path, _)) in zip(result.reported, wanted) {
            #expect(message.contains(path))
            #expect(!message.contains("\n"))
        }
        for line in result.lines.prefix(3) + result.lines.suffix(3) {
            #expect(line.hasPrefix(#"{"file":"\#(good)","start":"#))
            #expect(line.contains(#""labels":[{"index":"#))
        }
        #expect(
            Array(result.lines.prefix(3)) == Array(result.lines.suffix(3)), "errors do not affect later files"
        )
    }

    @Test func `A truncated file has records up to its end, and then an error`() throws {
        let folder = try TestFolder()
        let bytes = try TestFolder.bytes(of: Golden.path("clips/long.wav"))
        let cut = try folder.write(bytes[..<(bytes.count / 2)], to: "cut.wav")
        let whole = try Self.run([Golden.path("clips/long.wav")])
        let result = try Self.run([cut, Golden.path("clips/short.wav")])
        let records = result.lines.filter { $0.hasPrefix(#"{"file":"\#(cut)""#) }
        #expect(records.count > 3)
        #expect(result.failed == 1)
        #expect(records.last?.contains(#""error":{"code":"truncated""#) == true)
        let complete = records.count - 2
        func labels(_ line: String) -> Substring? { line.split(separator: "labels").last }
        #expect(records.prefix(complete).map(labels) == whole.lines.prefix(complete).map(labels))
        #expect(result.lines.count == records.count + 3)
    }

    @Test func `A file that disappears before it is opened is an error; a wrong extension is not`() throws {
        let folder = try TestFolder()
        let gone = try folder.copy(Golden.path("clips/short.wav"), to: "2.wav")
        let flac = try folder.copy(Golden.path("decoding/tone-24-bit.flac"), to: "3.mp3")
        let list = folder.file("list")
        #expect(mkfifo(list, 0o600) == 0)
        let writer = open(list, O_RDWR)
        var calls = 0
        let outputs = try BatchOutputs([.jsonl], to: .file(folder.file("out")))
        let run = BatchRun(
            [try Self.classifier()], outputs, ProgressBar(isVisible: false),
            stopSignal: {
                // Called between records: the first file is deleted before its path is written to the list.
                if calls == 0 { unlink(gone) }
                calls += 1
                if calls == 1 {
                    let lines = gone + "\n" + flac + "\n"
                    _ = write(writer, lines, lines.utf8.count)
                    close(writer)
                }
                return nil
            })
        // The list ends because its only writer closes it.
        let result = try run.run(FileQueue(paths: [], listPath: list)) { _ in }
        #expect(result.files == 2)
        #expect(result.failed == 1)
        let text = String(decoding: try TestFolder.bytes(of: folder.file("out")), as: UTF8.self)
        #expect(text.hasPrefix(#"{"file":"\#(gone)","error":{"code":"not_found""#))
        #expect(text.contains(#"{"file":"\#(flac)","start":0.0"#))
    }

    @Test func `The text format reports errors apart from the records`() throws {
        let result = try Self.run(
            ["/absent.wav", Golden.path("clips/short.wav")], format: .text)
        #expect(result.failed == 1)
        #expect(result.reported == ["/absent.wav does not exist: check the path"])
        try #require(result.lines.count == 3)
        #expect(result.lines[2].hasPrefix(Golden.path("clips/short.wav  0.36s - 0.70s  ")))
    }

    @Test func `A list that cannot be read is an error record`() throws {
        let folder = try TestFolder()
        let result = try Self.run([], list: folder.file("absent"))
        #expect(result.failed == 1)
        #expect(
            result.lines == [
                #"{"file":"\#(folder.file("absent"))","error":{"code":"unreadable","#
                    + #""message":"\#(folder.file("absent")): No such file or directory"}}"#
            ])
    }

    @Test func `A run without files writes no records and succeeds`() throws {
        let result = try Self.run([])
        #expect(result.lines.isEmpty)
        #expect(result.reported.isEmpty)
        #expect(result.failed == 0)
    }

    @Test func `A run stops at the first write error`() throws {
        let outputs = try BatchOutputs([.jsonl], to: .file("/dev/full"))
        let run = BatchRun([try Self.classifier()], outputs, ProgressBar(isVisible: false))
        let paths = [Golden.path("clips/short.wav"), "/absent.wav"]
        var reported = 0
        #expect {
            try run.run(FileQueue(paths: paths, listPath: nil)) { _ in reported += 1 }
        } throws: { error in
            (error as? WriteError)?.reason == "/dev/full cannot be written: No space left on device"
        }
        #expect(reported == 0, "the second file is not opened")
    }
}
