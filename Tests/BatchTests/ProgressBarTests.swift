import Glibc
import TestSupport
import Recognizer
import Testing

@testable import Batch

@Suite struct ProgressBarTests {
    private static func line(
        _ fraction: Double?, resumedAt: Double = 0, columns: Int = 100, name: String = "bird\n.wav"
    ) -> String {
        ProgressBar.line(
            files: 3, of: fraction == nil ? nil : 12, fraction: fraction, resumedAt: resumedAt,
            audioSeconds: 500, elapsedSeconds: 100, name: name, columns: columns)
    }

    @Test func `A line shows the bar, the files, the speed and the remaining time`() {
        #expect(
            Self.line(0.25)
                == "[#####---------------] 25 %  3 of 12 files  5.0 x real time  5:00 left  bird\\x0A.wav")
        #expect(Self.line(nil) == "3 files  5.0 x real time  bird\\x0A.wav")
        #expect(Self.line(0.001).contains(" 0 %  "))
        #expect(!Self.line(0.001).contains("left"))
        #expect(Self.line(1.5).hasPrefix("[####################] 100 %"))
    }

    @Test func `The remaining time of a resumed run is estimated from its own progress`() {
        #expect(Self.line(0.75, resumedAt: 0.5).contains("] 75 %"))
        #expect(Self.line(0.75, resumedAt: 0.5).contains("  1:40 left"))
        #expect(!Self.line(0.75, resumedAt: 0.75).contains("left"), "nothing is known before the first bytes")
    }

    @Test func `A line never wraps`() {
        for columns in [10, 40, 75, 80, 200] {
            #expect(
                Self.line(0.5, columns: columns, name: String(repeating: "x", count: 300)).count < columns)
        }
    }

    /// What a run over `files` draws, with a clock that ticks half a second at every look.
    private static func drawn(_ files: FileQueue, _ outputs: BatchOutputs) throws -> [String] {
        var time = ContinuousClock.now
        var drawn: [String] = []
        let bar = ProgressBar(
            isVisible: true,
            now: {
                time += .milliseconds(500)
                return time
            }, write: { drawn.append($0) })
        let scorer = try WindowScorer(
            RecognizerOptions(model: Golden.path("models/stride10"), threads: 1))
        let classifier = FileClassifier(scorer, topK: 1, minimumScore: nil)
        _ = try BatchRun([classifier], outputs, bar).run(files) { _ in }
        return drawn.filter { $0.contains("files") }
    }

    @Test func `A resumed run starts at the files that are finished`() throws {
        let folder = try TestFolder()
        let paths = try (0..<4).map { try folder.copy(Golden.path("clips/long.wav"), to: "\($0).wav") }
        let output = folder.file("out")
        let interrupted = try BatchOutputs([.jsonl], to: .file(output))
        for path in paths.prefix(2) { try interrupted.end(FileSummary(path: path), FileTotals()) }
        try interrupted.interrupt()

        // The interrupted run holds the journal's lock; the next is another process.
        try #require(rename(output + ".journal", output + ".held") == 0)
        try folder.write(TestFolder.bytes(of: output + ".held"), to: "out.journal")
        let outputs = try BatchOutputs([.jsonl], to: .file(output), resumes: true)
        let lines = try Self.drawn(FileQueue(paths: paths, listPath: nil), outputs)
        withExtendedLifetime(interrupted) {}
        let first = try #require(lines.first)
        #expect(first.hasPrefix("\r[##########"), "half of it is done")
        #expect(first.contains("  2 of 4 files  "))
        #expect(lines.last?.contains("  4 of 4 files  ") == true)
    }

    @Test func `Only a list that survives being read is read to count its files`() throws {
        let folder = try TestFolder()
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        #expect(!FileQueue(paths: [], listPath: folder.file("pipe")).canBeReadTwice)
        #expect(!FileQueue(paths: [], listPath: "-").canBeReadTwice)
        try folder.write("a.wav\n", to: "list")
        #expect(FileQueue(paths: [], listPath: folder.file("list")).canBeReadTwice)
        #expect(FileQueue(paths: ["a.wav"], listPath: nil).canBeReadTwice)
    }
}
