import Inference
import Glibc
import TestSupport
import Recognizer
import Testing
import TextSupport
import Wire

@testable import Batch

/// The output does not depend on the number of jobs.
@Suite(.timeLimit(.minutes(10)))
struct ParallelRunTests {
    private static let model = Golden.path("models/stride10")
    private static let clips = ["long", "too-short", "speech", "empty", "short", "noise", "long", "full"].map
    {
        Golden.path("clips/\($0).wav")
    }

    private static func classifiers(
        _ jobs: Int, hopFrames: Int = 7, topK: Int? = 3, precision: Precision = .fp32, threads: Int = 1
    ) throws -> [FileClassifier] {
        let first = try WindowScorer(
            RecognizerOptions(
                model: model, threads: 1, precision: precision, activation: Activation?.some(.none)))
        return try (0..<jobs).map { _ in
            FileClassifier(
                try WindowScorer(first.variants, threads: threads), topK: topK, minimumScore: nil,
                WindowRule(hopFrames: hopFrames))
        }
    }

    private static func output(
        _ jobs: Int, _ paths: [String] = clips, aggregation: Aggregation = .none, hopFrames: Int = 7,
        precision: Precision = .fp32, threads: Int = 1
    ) throws -> String {
        let folder = try TestFolder()
        let run = BatchRun(
            try classifiers(jobs, hopFrames: hopFrames, precision: precision, threads: threads),
            aggregation: aggregation,
            try BatchOutputs([.jsonl], to: .file(folder.file("out"))), ProgressBar(isVisible: false))
        let result = try run.run(FileQueue(paths: paths, listPath: nil)) { _ in }
        #expect(result.files == paths.count)
        #expect(result.interruptedBy == nil)
        #expect(Journal.isComplete(folder.file("out.journal")))
        return String(decoding: try TestFolder.bytes(of: folder.file("out")), as: UTF8.self)
    }

    @Test(arguments: [1, 2, 3, 8])
    func `The records of any number of jobs are those of a sequential run`(jobs: Int) throws {
        var wanted: [UInt8] = []
        let sequential = try Self.classifiers(1)[0]
        for path in Self.clips {
            do throws(FileClassifier.Failure) {
                try sequential.classify(path: path) { wanted += $0.encoded() }
            } catch {
                wanted += BatchError(file: path, code: error.code, message: error.message).encoded()
            }
        }
        #expect(try Self.output(jobs) == String(decoding: wanted, as: UTF8.self))
    }

    @Test(arguments: [Precision.int8, .bf16].filter { $0 == .int8 || $0.isFast })
    func `In int8 and bf16 the records do not depend on the threads of a job, either`(
        precision: Precision
    ) throws {
        let paths = ["long", "speech", "noise"].map { Golden.path("clips/\($0).wav") }
        let wanted = try Self.output(1, paths, hopFrames: 48, precision: precision)
        for (jobs, threads) in [(1, 2), (1, 7), (2, 1), (3, 3)] {
            #expect(
                try Self.output(jobs, paths, hopFrames: 48, precision: precision, threads: threads) == wanted)
        }
    }

    @Test
    func `Scores are aggregated by their maximum, or by their mean weighted by added sound`()
        throws
    {
        let all = try Self.classifiers(1, topK: nil)[0]
        let path = Golden.path("clips/long.wav")
        var windows: [[Float]] = []
        var end = 0.0
        try all.classify(path: path) { record in
            windows.append(record.labels.sorted { $0.index < $1.index }.map(\.score))
            end = record.end
        }
        #expect(windows.count > 10)
        // Frames of the file that no earlier window has; it has 428.
        var added = [Int](repeating: 7, count: windows.count)
        added[0] = 96
        added[windows.count - 1] -= added.reduce(0, +) - 428
        #expect(added.last == 3)
        for aggregation in [Aggregation.mean, .max] {
            let lines = try Self.output(3, [path], aggregation: aggregation).split(separator: "\n")
            try #require(lines.count == 1)
            let record = try JSONObject(parsing: Array(lines[0].utf8))
            #expect(try record.requiredString("aggregate") == aggregation.rawValue)
            #expect(try record.requiredDouble("start") == 0)
            #expect(try record.requiredDouble("end") == end)
            let labels = try record.requiredRecords("labels") { json throws(JSONError) in
                try ScoredLabel(json)
            }
            #expect(labels.count == 3)
            #expect(labels[0].score >= labels[1].score)
            for label in labels {
                let scores = windows.map { Double($0[label.index]) }
                let sum = zip(added, scores).map { Double($0) * $1 }.reduce(0, +)
                let wanted = aggregation == .max ? scores.max() : sum / 428
                #expect(label.score == wanted.map(Float.init))
            }
        }
    }

    @Test func `A path is classified before the next line of the list is written`() throws {
        let folder = try TestFolder()
        #expect(mkfifo(folder.file("list"), 0o600) == 0)
        let list = open(folder.file("list"), O_RDWR)
        let deadline = ContinuousClock.now + .seconds(waitLimitSeconds)
        let run = BatchRun(
            try Self.classifiers(2), try BatchOutputs([.jsonl], to: .file(folder.file("out"))),
            ProgressBar(isVisible: false),
            stopSignal: {
                // The list stays open, so both files must be written before its end.
                let bytes = (try? TestFolder.bytes(of: folder.file("out.partial"))) ?? []
                let areWritten = String(decoding: bytes, as: UTF8.self).contains("\"error\"")
                return areWritten || ContinuousClock.now > deadline ? SIGINT : nil
            })
        let line = Golden.path("clips/speech.wav") + "\n" + Golden.path("clips/empty.wav") + "\n"
        #expect(write(list, line, line.utf8.count) == line.utf8.count)
        let result = try run.run(FileQueue(paths: [], listPath: folder.file("list"))) { _ in }
        #expect(result.interruptedBy == SIGINT)
        #expect(result.files == 2)
        #expect(result.failed == 1)
        close(list)
    }

    @Test func `The results that wait behind a long file are limited`() throws {
        // The first file is never finished, so the results of the second one wait.
        var schedule = BatchSchedule(jobs: 2)
        let first = BatchSchedule.ScheduledFile(path: "first", try Self.stream("clips/long.wav"))
        let second = BatchSchedule.ScheduledFile(path: "second", try Self.stream("clips/long.wav"))
        schedule.opened(first)
        schedule.opened(second)
        guard case .read(let head, _) = schedule.nextWork() else {
            Issue.record("expected work")
            return
        }
        #expect(head === first)
        var windows = 0
        while case .read(let file, _) = schedule.nextWork() {
            #expect(file === second, "the first one is being read")
            let number = schedule.took(from: file)
            schedule.classified(
                .record(BatchRecord(file: "second", start: 0, end: 1, labels: [])), of: file, number: number)
            windows += 1
            try #require(windows <= 1000)
        }
        #expect(windows == schedule.mostWaiting)
        guard case nil = schedule.nextResult() else {
            Issue.record("a result of the second file came before those of the first")
            return
        }
    }

    private static func stream(_ clip: String) throws -> WindowStream {
        let classifier = try classifiers(1)[0]
        return try classifier.open(Golden.path(clip), classifier.makeFeatures(), observer: nil)
    }

    @Test func `A failure ends a file at its window, in whatever order the jobs finish`() throws {
        var schedule = BatchSchedule(jobs: 4)
        let file = BatchSchedule.ScheduledFile(path: "file", try Self.stream("clips/long.wav"))
        schedule.opened(file)
        schedule.opened(nil)
        let numbers = (0..<4).map { _ in
            _ = schedule.nextWork()
            return schedule.took(from: file)
        }
        let record = BatchRecord(file: "file", start: 0, end: 1, labels: [])
        schedule.classified(.record(record), of: file, number: numbers[3])
        schedule.failed(file, number: numbers[2], .init(code: "later", message: ""))
        schedule.failed(file, number: numbers[1], .init(code: "earlier", message: ""))
        guard case nil = schedule.nextResult() else {
            Issue.record("the first window has no result yet")
            return
        }
        schedule.classified(.record(record), of: file, number: numbers[0])
        guard case .window = schedule.nextResult(), case .fileEnd(let ended) = schedule.nextResult() else {
            Issue.record("expected one window and the end of the file")
            return
        }
        #expect(ended.failure?.code == "earlier")
        #expect(schedule.waiting == 0)
        #expect(schedule.busy == 0)
        guard case .end = schedule.nextResult() else {
            Issue.record("expected the end of the run")
            return
        }
    }
}
