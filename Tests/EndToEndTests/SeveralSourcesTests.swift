import Glibc
import Synchronization
import TestSupport
import Testing
import TextSupport
import Wire

/// A daemon with several sources: pipes and a sound server.
@Suite(.timeLimit(.minutes(10))) struct SeveralSourcesTests {
    /// A named pipe, and a program that writes to it in real time.
    private final class Writer {
        let path: String
        private var isOver: IsOver?
        private var thread: TestThread?

        init(_ name: String, in folder: TestFolder) throws {
            path = folder.file(name)
            guard mkfifo(path, 0o600) == 0 else { throw TestFailure("no pipe \(path): errno \(errno)") }
        }

        deinit { stop() }

        var source: String { "pipe:\(path)?rate=16000&channels=1&format=s16le" }

        func start() {
            let (path, isOver) = (path, IsOver())
            self.isOver = isOver
            thread = TestThread {
                signal(SIGPIPE, SIG_IGN)
                let bytes = [UInt8](repeating: 1, count: 3_200)
                while !isOver.isSet {
                    // A source that starts again opens the pipe again.
                    let pipe = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
                    if pipe >= 0 { _ = fcntl(pipe, F_SETFL, 0) }
                    while pipe >= 0, !isOver.isSet, Glibc.write(pipe, bytes, bytes.count) == bytes.count {
                        usleep(100_000)
                    }
                    if pipe >= 0 { close(pipe) } else { usleep(10_000) }
                }
            }
        }

        func stop() {
            isOver?.set()
            thread?.join()
            thread = nil
        }
    }

    private static func settings(_ sources: [(name: String, text: String)]) -> String {
        "hop: 0.5\nsources:\n" + sources.map { "  \($0.name): {\($0.text)}\n" }.joined()
    }

    @Test func `Each record names its source, and one source is paused alone`() async throws {
        let folder = try TestFolder()
        let (garden, door) = (try Writer("g", in: folder), try Writer("d", in: folder))
        let config = try folder.write(
            Self.settings([
                ("garden", "source: '\(garden.source)'"), ("door", "source: '\(door.source)', hop: 1"),
            ]),
            to: "astd.yaml")
        let daemon = try await RunningDaemon.start(["--config", config], in: folder)
        let client = try daemon.listen()
        for writer in [garden, door] { writer.start() }
        var seen: Set<String> = []
        var lastSeq: UInt64 = 0
        while seen.count < 2 {
            let prediction = try await client.nextPrediction()
            #expect(prediction.seq == lastSeq + 1, "one series for all sources")
            lastSeq = prediction.seq
            seen.insert(try #require(prediction.source))
        }
        #expect(seen == ["garden", "door"])
        let report = try await daemon.status()
        #expect(report.source == nil && report.sources.map(\.source) == ["garden", "door"])
        #expect(report.sources.map(\.hopSeconds) == [0.5, 1] && report.hopSeconds == 0.5)
        #expect(report.counters.windows == report.sources.reduce(0) { $0 + $1.counters.windows })

        #expect(try await daemon.astctl("pause", "--source", "door").code == 0)
        let paused = try await client.next("the pause") { $0.source?.state == .paused ? $0.source : nil }
        #expect(paused.source == "door")
        _ = try await client.next("a window of the other") { $0.prediction?.source == "garden" ? true : nil }
        #expect(try await daemon.status().state == .listening)
        let unknown = try await daemon.astctl("pause", "--source", "cellar")
        #expect(unknown.code == 1 && unknown.errorLines.joined().contains("the sources are garden, door"))
        let subscriber = try daemon.control()
        try subscriber.send("subscribe", #"{"types":["gap"],"sources":["door","gardn"]}"#)
        var reply: SubscribeReply?
        while reply == nil {
            // The first line is the greeting.
            reply = try await subscriber.nextObject().object("result").map { try SubscribeReply($0) }
        }
        #expect(reply?.warnings == ["no source `gardn`; the sources are garden, door"])
        let metrics = try await daemon.astctl("metrics", "--source", "door").lines
        #expect(metrics.contains(#"astd_source_paused{source="door"} 1"#))
        #expect(!metrics.joined().contains("garden"))
    }

    @Test func `Each channel of a source is addressed alone or with the source`() async throws {
        let folder = try TestFolder()
        let yard = try Writer("y", in: folder)
        let stereo = yard.source.replacing("channels=1", with: "channels=2")
        let file = try folder.write(
            Self.settings([("yard", "source: '\(stereo)', channel: each")]), to: "astd.yaml")
        let daemon = try await RunningDaemon.start(["--config", file], in: folder)
        let client = try daemon.listen()
        yard.start()
        var seen: [String: Int] = [:]
        while seen.count < 2 {
            let prediction = try await client.nextPrediction()
            seen[try #require(prediction.source)] = prediction.channel
        }
        #expect(seen == ["yard/left": 1, "yard/right": 2])
        #expect(try await daemon.status().sources.map(\.source) == ["yard/left", "yard/right"])

        #expect(try await daemon.astctl("pause", "--source", "yard/left").code == 0)
        let paused = try await client.next("the pause") { $0.source?.state == .paused ? $0.source : nil }
        #expect(paused.source == "yard/left" && paused.channel == 1)
        _ = try await client.next("a window of the other") {
            $0.prediction?.source == "yard/right" ? true : nil
        }
        #expect(try await daemon.astctl("resume", "--source", "yard").code == 0)
        let gap = try await client.next("the gap of the pause") { $0.gap?.reason == .paused ? $0.gap : nil }
        #expect(gap.source == "yard/left" && gap.channel == 1)
        #expect(try await daemon.astctl("pause", "--source", "yard").code == 0)
        #expect(try await daemon.status().sources.map(\.report.state) == [.paused, .paused])
        let metrics = try await daemon.astctl("metrics", "--source", "yard").lines
        #expect(metrics.contains(#"astd_source_paused{source="yard/right"} 1"#))
        let subscriber = try daemon.control()
        try subscriber.send("subscribe", #"{"types":["source"],"sources":["yard"]}"#)
        var reply: SubscribeReply?
        while reply == nil {
            reply = try await subscriber.nextObject().object("result").map { try SubscribeReply($0) }
        }
        #expect(reply?.warnings == [])

        // Another number of channels starts the capture again; the pause holds for all of its channels.
        try folder.write(
            Self.settings([("yard", "source: '\(stereo)', channel: mix")]), to: "astd.yaml")
        #expect(try await daemon.astctl("reload").code == 0)
        let report = try await daemon.status()
        #expect(report.sources.map(\.source) == ["yard"] && report.sources[0].report.state == .paused)
        try folder.write(
            Self.settings([("yard", "source: '\(stereo)', channel: each, gain_db: 3")]), to: "astd.yaml")
        #expect(try await daemon.astctl("reload").code == 0)
        #expect(try await daemon.astctl("resume", "--source", "yard").code == 0)
        seen = [:]
        while seen.count < 2 {
            let prediction = try await client.nextPrediction()
            if let channel = prediction.channel { seen[prediction.source ?? ""] = channel }
        }
        #expect(seen == ["yard/left": 1, "yard/right": 2])
    }

    @Test func `Sources have adapters of their own, also by request, and each record names its adapter`()
        async throws
    {
        let folder = try TestFolder()
        try folder.copy(Golden.path("adapters/new-head"), to: "adapters/heads")
        let (garden, door) = (try Writer("g", in: folder), try Writer("d", in: folder))
        let config = try folder.write(
            "adapters_dir: \(folder.file("adapters"))\n"
                + Self.settings([
                    ("garden", "source: '\(garden.source)', adapters: [heads]"),
                    ("door", "source: '\(door.source)'"),
                ]), to: "astd.yaml")
        let daemon = try await RunningDaemon.start(["--config", config], in: folder)
        let client = try daemon.listen()
        for writer in [garden, door] { writer.start() }
        /// Reads on until each source has had one window with exactly these variants.
        func read(_ expected: [String: [String]]) async throws {
            var seen: [String: [String]] = [:]
            while seen.contains(where: { $0.value.count < (expected[$0.key]?.count ?? 0) })
                || seen.count < expected.count
            {
                let prediction = try await client.nextPrediction()
                let name = prediction.adapter ?? AdapterRecord.baseName
                let source = try #require(prediction.source)
                #expect(expected[source]?.contains(name) == true, "\(source): \(name)")
                // The adapter has four labels of its own; of the model's twelve, five are sent.
                #expect(prediction.labels.count == (name == "heads" ? 4 : 5))
                if seen[source]?.contains(name) != true { seen[source, default: []].append(name) }
            }
            #expect(seen == expected)
        }
        try await read(["garden": ["heads"], "door": ["base"]])
        let report = try await daemon.status()
        #expect(report.adapters == ["base", "heads"])
        #expect(report.sources.map(\.adapters) == [["heads"], ["base"]])

        let used = try await daemon.astctl("adapter", "use", "base", "heads", "--source", "door")
        #expect(used.code == 0 && used.lines.first?.hasPrefix("using base, heads ") == true)
        let records = try await Self.adapterRecords(client, count: 3)
        #expect(
            records == [
                AdapterRecord(adapters: [nil]), AdapterRecord(source: "door", adapters: [nil, "heads"]),
                AdapterRecord(source: "garden", adapters: ["heads"]),
            ])
        try await read(["garden": ["heads"], "door": ["base", "heads"]])
        let unknown = try await daemon.astctl("adapter", "use", "base", "--source", "dor")
        #expect(unknown.code == 64)

        #expect(try await daemon.astctl("adapter", "use", "base").code == 0)
        #expect(try await Self.adapterRecords(client, count: 1) == [AdapterRecord(adapters: [nil])])
        try await read(["garden": ["base"], "door": ["base"]])
        #expect(try await daemon.status().sources.map(\.adapters) == [nil, nil])
    }

    private static func adapterRecords(_ client: RecordClient, count: Int) async throws -> [AdapterRecord] {
        var records: [AdapterRecord] = []
        while records.count < count {
            records.append(
                try await client.next("an adapter record") {
                    if case .adapter(let record) = $0 { record } else { nil }
                })
        }
        return records
    }

    @Test func `A reload adds, removes and changes sources, and the others lose no sample`() async throws {
        let folder = try TestFolder()
        let writers = try ["a", "b", "c"].map { try Writer($0, in: folder) }
        func source(_ index: Int, _ more: String = "") -> (name: String, text: String) {
            (["one", "two", "three"][index], "source: '\(writers[index].source)'" + more)
        }
        let config = try folder.write(Self.settings([source(0), source(1)]), to: "astd.yaml")
        let daemon = try await RunningDaemon.start(["--config", config], in: folder)
        let client = try daemon.listen()
        for writer in writers { writer.start() }
        var first = SourceAccount()
        func read<Value>(_ what: String, _ match: (LiveRecord) -> Value?) async throws -> Value {
            try await client.next(what) { record in
                if record.sourceName == "one" { first.add(record) }
                return match(record)
            }
        }
        try await read("a window") { $0.prediction?.source == "one" ? () : nil }

        // Another source comes, another hop for the second, other thresholds for the first.
        _ = try folder.write(
            Self.settings([source(0, ", detection: {on: 0.9}"), source(1, ", hop: 1"), source(2)]),
            to: "astd.yaml")
        let reply = try await daemon.astctl("reload")
        #expect(reply.code == 0, "\(reply.errorLines)")
        #expect(reply.lines.joined(separator: "\n").contains("sources.two.hop: null -> 1"), "\(reply.lines)")
        let ended = try await read("the end of the old stream") {
            $0.source?.state == .ended ? $0.source : nil
        }
        #expect(ended.source == "two")
        let report = try await daemon.status()
        #expect(report.sources.map(\.source) == ["one", "two", "three"])
        #expect(report.sources.map(\.hopSeconds) == [0.5, 1, 0.5])
        for name in ["three", "two", "one"] {
            try await read("a window of \(name)") { $0.prediction?.source == name ? () : nil }
        }
        // The first went on where it was.
        #expect(first.complaint == nil)

        _ = try folder.write(Self.settings([source(2)]), to: "astd.yaml")
        #expect(try await daemon.astctl("reload").code == 0)
        #expect(try await daemon.status().sources.map(\.source) == ["three"])
        _ = try folder.write("sources: {three: {source: pulse, threads: 3}}\n", to: "astd.yaml")
        let wrong = try await daemon.astctl("reload")
        #expect((wrong.lines + wrong.errorLines).joined().contains("threads"))
        #expect(try await daemon.status().sources.map(\.source) == ["three"], "mistakes change nothing")
    }

    @Test func `A source that is paused alone remains so over a reload that changes it, and over kill -9`()
        async throws
    {
        let folder = try TestFolder()
        let (garden, door) = (try Writer("g", in: folder), try Writer("d", in: folder))
        func settings(_ hop: String) -> String {
            Self.settings([
                ("garden", "source: '\(garden.source)'"), ("door", "source: '\(door.source)', hop: \(hop)"),
            ])
        }
        let config = try folder.write(settings("1"), to: "astd.yaml")
        var daemon = try await RunningDaemon.start(["--config", config], in: folder)
        for writer in [garden, door] { writer.start() }
        #expect(try await daemon.astctl("pause", "--source", "door").code == 0)
        _ = try folder.write(settings("0.5"), to: "astd.yaml")
        #expect(try await daemon.astctl("reload").code == 0)
        func report(of daemon: RunningDaemon) async throws -> SourceReport? {
            try await daemon.status().sources.first { $0.source == "door" }?.report
        }
        #expect(try await report(of: daemon)?.message == "nothing is recorded until `astctl resume`")
        daemon.program.kill()

        daemon = try await RunningDaemon.start(["--config", config], in: folder)
        let client = try daemon.listen()
        guard case .hello(let hello)? = try await client.next() else { throw TestFailure("no hello") }
        #expect(hello.paused == nil, "the other one is not paused")
        _ = try await client.next("a window of the other") { $0.prediction?.source == "garden" ? true : nil }
        let paused = try await report(of: daemon)
        #expect(paused?.state == .paused && paused?.message?.hasPrefix("before the restart") == true)
        #expect(try await daemon.astctl("resume", "--source", "door").code == 0)
        _ = try await client.next("a window after resume") { $0.prediction?.source == "door" ? true : nil }
        #expect(try await daemon.astctl("pause").code == 0)
        #expect(try await daemon.control().status().state == .paused)
    }

    @Test
    func `Two microphones of a sound server and a pipe: each sample is in a window or a gap of its source`()
        async throws
    {
        let folder = try TestFolder()
        let server = try await PulseServer(
            sinks: ["left", "right"].map { "sink_name=\($0) rate=16000 channels=1 norewinds=1" }, in: folder)
        let pipe = try Writer("p", in: folder)
        let config = try folder.write(
            Self.settings([
                ("left", "source: 'pulse:left.monitor'"), ("right", "source: 'pulse:right.monitor'"),
                ("pipe", "source: '\(pipe.source)'"),
            ]), to: "astd.yaml")
        let daemon = try await RunningDaemon.start(["--config", config], in: folder)
        let client = try daemon.listen()
        pipe.start()
        var records: [String: SourceAccount] = [:]
        func read(_ what: String, until isEnough: (LiveRecord) -> Bool) async throws {
            _ = try await client.next(what) { record in
                if let name = record.sourceName { records[name, default: SourceAccount()].add(record) }
                return isEnough(record) ? true : nil
            }
        }
        for name in ["left", "right", "pipe"] {
            try await read("a window of \(name)") { $0.prediction?.source == name }
        }
        pipe.stop()
        try await read("the loss of the pipe") { $0.source?.source == "pipe" && $0.source?.state == .lost }
        pipe.start()
        try await read("the gap of the pipe") { record in
            if case .gap(let gap) = record {
                gap.source == "pipe" && gap.reason == .sourceLost
            } else {
                false
            }
        }
        for name in ["left", "right", "pipe"] {
            try await read("a later window of \(name)") { $0.prediction?.source == name }
            let account = try #require(records[name])
            #expect(account.complaint(from: name == "pipe" ? 0 : nil) == nil, "\(name)")
        }
        withExtendedLifetime(server) {}
    }
}

private final class IsOver: Sendable {
    private let flag = Mutex(false)
    var isSet: Bool { flag.withLock { $0 } }
    func set() { flag.withLock { $0 = true } }
}

/// Whether the records of one source account for each of its samples.
private struct SourceAccount {
    private var ranges: [Range<Int64>] = []

    mutating func add(_ record: LiveRecord) {
        switch record {
        case .prediction(let prediction): ranges.append(prediction.startSample..<prediction.endSample)
        case .gap(let gap): ranges.append(gap.startSample..<gap.endSample)
        default: break
        }
    }

    var complaint: String? { complaint(from: 0) }

    /// - Parameter start: The first sample; nil for that of the first record, of a source that was heard
    ///   before the client came.
    func complaint(from start: Int64?) -> String? {
        var reached = start ?? ranges.map(\.lowerBound).min() ?? 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > reached { return "nothing of \(reached)..<\(range.lowerBound)" }
            reached = max(reached, range.upperBound)
        }
        return nil
    }
}
