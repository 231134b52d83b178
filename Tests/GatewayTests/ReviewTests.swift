import Glibc
import SystemSupport
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Gateway

/// Reviews of events, from a client to the database and to folders of clips.
@Suite(.timeLimit(.minutes(10))) struct ReviewTests {
    private let folder: TestFolder
    private let log = LogLines()
    private let stop = ConditionLocked(false)

    init() throws { folder = try TestFolder() }

    private var path: String { folder.file("h.sqlite") }

    private func id(_ number: UInt64) -> String { Fixture.run.eventID(number) }

    /// A history with events 1 to 4, event 2 also of another daemon.
    private func history() throws -> History {
        let history = try History(path: path, logger: log.logger)
        let events = (1...4).map { HistoryChange.event(Fixture.event(.begin, $0, at: Double($0))) }
        for (daemon, changes) in [("kitchen", events), ("street", [events[1]])] {
            let cursor = HistoryCursor(run: Fixture.run, seq: 9, time: Fixture.time(9))
            #expect(
                history.store(changes, of: daemon, cursor: cursor, generation: 0) == .stored(changes))
        }
        return history
    }

    private func reviews(_ isReviewed: Bool? = nil) throws -> [String] {
        var lines: [String] = []
        try HistoryReader(path: path).events(EventFilter(isReviewed: isReviewed)) { event in
            lines.append(
                "\(event.daemon) \(event.id.last ?? "?") \(event.review?.text ?? "-") \(event.review?.label ?? "-")"
            )
        }
        return lines
    }

    private func withServer(_ body: (ReviewClient) throws -> Void) throws {
        let server = try #require(ReviewServer(try history(), path: path, logger: log.logger))
        let thread = TestThread { [stop] in server.run(until: stop) }
        defer {
            stop.change { $0 = true }
            thread.join()
        }
        try body(ReviewClient(history: path))
    }

    @Test func `A review reaches the database, and a later one replaces it`() throws {
        try withServer { client in
            var outcome = try client.review([id(1), id(3), "none-1"], daemon: nil, as: .right)
            #expect(outcome.reviewed == 2 && outcome.missing == ["none-1"])
            outcome = try client.review([id(1)], daemon: nil, as: .other("Smoke \"detector\"\n"))
            #expect(outcome.reviewed == 1)
            outcome = try client.review([id(2)], daemon: nil, as: .wrong)
            #expect(outcome == ReviewOutcome(reviewed: 0, ambiguous: [id(2)]))
            outcome = try client.review([id(2)], daemon: "street", as: .wrong)
            #expect(outcome.reviewed == 1)
            #expect(
                try reviews(true) == [
                    "kitchen 1 other Smoke \"detector\"\n", "street 2 wrong -", "kitchen 3 right -",
                ])
            #expect(try reviews(false) == ["kitchen 2 - -", "kitchen 4 - -"])
            // More than fit into one request.
            let many = [id(4)] + (1...1200).map { "none-\($0)" }
            outcome = try client.review(many, daemon: nil, as: .right)
            #expect(outcome.reviewed == 1 && outcome.missing.count == 1200)
            #expect(try client.review([id(1), id(3)], daemon: nil, as: nil).reviewed == 2)
            #expect(try reviews(true).count == 2)
        }
        // The gateway has stopped.
        let failure = #expect(throws: HistoryFailure.self) {
            try ReviewClient(history: path).review([id(1)], daemon: nil, as: .right)
        }
        #expect(failure?.description.contains("no gateway answers at") == true)
    }

    @Test func `Requests that make no sense are refused, and hold up no other`() throws {
        func answer(_ bytes: [UInt8]) throws -> String {
            let descriptor = ReviewSocket.make()
            defer { close(descriptor) }
            try #require(UnixAddress(path: ReviewSocket.path(of: path))?.connect(descriptor) == 0)
            #expect(ReviewSocket.send(bytes, to: descriptor, within: .seconds(60)))
            return String(
                decoding: ReviewSocket.line(from: descriptor, within: .seconds(60)) ?? [], as: UTF8.self)
        }
        try withServer { client in
            // Says nothing; the server closes it.
            let silent = ReviewSocket.make()
            defer { close(silent) }
            try #require(UnixAddress(path: ReviewSocket.path(of: path))?.connect(silent) == 0)
            for line in [
                "", "x", "{}", #"{"ids":[]}"#, #"{"ids":["a"],"review":"maybe"}"#, #"{"ids":"a"}"#,
                #"{"ids":["a"],"review":"other"}"#, #"{"ids":["a"],"review":"other","label":""}"#,
            ] { #expect(try answer(Array((line + "\n").utf8)).hasPrefix(#"{"error":""#), "\(line)") }
            #expect(try answer([UInt8](repeating: 0x61, count: 100_000)) == "")
            #expect(try client.review([id(1)], daemon: nil, as: .right).reviewed == 1)
            // Readable and writable by the owner and the group.
            var status = stat()
            #expect(stat(ReviewSocket.path(of: path), &status) == 0 && status.st_mode & 0o777 == 0o660)
            // Another gateway with the same history does not take over.
            let second = try History(path: path, logger: log.logger)
            #expect(ReviewServer(second, path: path, logger: log.logger) == nil)
            #expect(log.lines.last?.contains("another gateway has the same history") == true)
        }
    }

    @Test func `The socket of a killed gateway is replaced, another file is not`() throws {
        let socketPath = ReviewSocket.path(of: path)
        let dead = ReviewSocket.make()
        #expect(UnixAddress(path: socketPath)?.bind(dead) == 0)
        close(dead)
        try withServer { client in
            let outcome = try client.review([id(1)], daemon: nil, as: .wrong)
            #expect(outcome.reviewed == 1)
        }
        #expect(!TestFolder.exists(socketPath))
        try folder.write("text", to: "h.sqlite.sock")
        let history = try History(path: path, logger: log.logger)
        #expect(ReviewServer(history, path: path, logger: log.logger) == nil)
        #expect(log.lines.last?.contains("it is another file") == true)
    }

    @Test(arguments: [
        ("Fire alarm, siren", "Fire alarm, siren"), ("Ärger", "Ärger"), ("../../etc", "%2E.%2F..%2Fetc"),
        ("..", "%2E%2E"), ("", "%"), ("-rf", "%2Drf"), ("a\u{0}b\n", "a%00b%0A"), ("100%", "100%25"),
        ("C:\\x", "C%3A%5Cx"), ("x\u{202E}y", "x%E2%80%AEy"), (".hidden ", "%2Ehidden%20"),
    ])
    func `A label becomes one folder, whatever it contains`(label: String, expected: String) {
        #expect(LabelFolder.name(of: label) == expected)
    }

    @Test func `Long labels have different folders of bounded length`() {
        let long = String(repeating: "ü", count: 400)
        let (a, b) = (LabelFolder.name(of: long + "a"), LabelFolder.name(of: long + "b"))
        #expect(a != b && a.utf8.count <= 200 && b.utf8.count <= 200)
    }

    @Test(arguments: [
        ("astd-20260131T000001.000Z-5f0c9a3be2174c11-17-Siren.wav", "5f0c9a3be2174c11-17"),
        ("astd-20260131T000001.000Z-5f0c9a3be2174c11-17-Fire_alarm.wav", "5f0c9a3be2174c11-17"),
    ])
    func `A clip's name has the id of its event`(name: String, id: String) {
        #expect(ClipFolders.id(of: name) == id)
        for other in [name + ".part", "x" + name, name.replacing("-17-", with: "-x-"), "astd-1.wav"] {
            #expect(ClipFolders.id(of: other) == nil, "\(other)")
        }
    }

    // MARK: Export

    private func event(_ number: UInt64, _ review: EventReview?, label: String = "Siren") -> HistoryEvent {
        HistoryEvent(
            daemon: "kitchen", source: nil, id: id(number), label: label, adapter: nil,
            begin: Fixture.time(Double(number)), end: nil, peakScore: 0.5, clip: nil, review: review,
            isInterrupted: false)
    }

    private func clipName(_ number: UInt64) -> String { "astd-20260131T000001.000Z-\(id(number))-Siren.wav" }

    /// A folder with clips of these events, as long as their numbers times 100,000 bytes.
    private func clips(_ numbers: UInt64...) throws -> ClipFolders {
        let place = folder.file("clips")
        mkdir(place, 0o700)
        for number in numbers {
            let bytes = [UInt8](repeating: UInt8(number), count: Int(number) * 100_000)
            try folder.write(bytes, to: "clips/\(clipName(number))")
        }
        return try ClipFolders([place])
    }

    private func files() throws -> [String] {
        let root = folder.file("out")
        return try ClipFolders.names(in: root).flatMap { inner in
            try ClipFolders.names(in: "\(root)/\(inner)").map { name in
                "\(inner)/\(ClipFolders.id(of: name)?.split(separator: "-").last ?? "?") \(try TestFolder.bytes(of: "\(root)/\(inner)/\(name)").count)"
            }
        }.sorted()
    }

    @Test func `Clips are exported once, into the folder of the label that the review names`() throws {
        let clips = try clips(1, 2, 3, 4)
        var warnings: [String] = []
        func export(_ events: [HistoryEvent]) throws -> ReviewExport.Counts {
            var export = try ReviewExport(
                to: folder.file("out"), from: clips, isStopped: { false }, warn: { warnings.append($0) })
            for event in events { try export.add(event) }
            return export.counts
        }
        let events = [
            event(1, .right), event(2, .other("a/../b")), event(3, .wrong), event(4, .right),
            event(5, .right),
        ]
        var counts = try export(events)
        var expected = ReviewExport.Counts()
        (expected.exported, expected.wrong, expected.withoutClip) = (3, 1, 1)
        #expect(counts == expected && warnings == [])
        #expect(try files() == ["Siren/1 100000", "Siren/4 400000", "a%2F..%2Fb/2 200000"])
        // The clips are gone; later reviews say something else.
        for number in [1, 4] as [UInt64] { try folder.remove("clips/\(clipName(number))") }
        counts = try export([event(1, .wrong), event(2, .other("Dog")), event(4, .right)])
        expected = ReviewExport.Counts()
        (expected.present, expected.moved, expected.wrong) = (1, 1, 1)
        #expect(counts == expected)
        #expect(warnings.count == 1 && warnings[0].hasSuffix("Siren.wav is reviewed as wrong now; delete it"))
        #expect(try files() == ["Dog/2 200000", "Siren/1 100000", "Siren/4 400000"])
    }

    @Test func `An export that is stopped, or cannot write, leaves only complete clips`() throws {
        let clips = try clips(1, 20)
        var asked = 0
        var export = try ReviewExport(
            to: folder.file("out"), from: clips,
            isStopped: {
                asked += 1
                return asked > 6
            }, warn: { _ in })
        try export.add(event(1, .right))
        #expect(throws: ReviewExport.Stop.interrupted) { try export.add(event(20, .right)) }
        #expect(try files() == ["Siren/1 100000"])
        export = try ReviewExport(to: folder.file("out"), from: clips, isStopped: { false }, warn: { _ in })
        try export.add(event(1, .right))
        try export.add(event(20, .right))
        #expect(export.counts.present == 1 && export.counts.exported == 1)
        #expect(try files() == ["Siren/1 100000", "Siren/20 2000000"])
        // A link would lead elsewhere, and a file is not a folder.
        symlink("/tmp", folder.file("out/Dog"))
        let stopped = #expect(throws: ReviewExport.Stop.self) { try export.add(event(1, .other("Dog"))) }
        #expect(stopped == .failed("\(folder.file("out"))/Dog is not a folder; move it away"))
    }

    @Test func `What is not a clip of astd is not exported`() throws {
        _ = try clips(1)
        let secret = try folder.write("secret", to: "secret")
        symlink(secret, folder.file("clips/\(clipName(2))"))
        mkfifo(folder.file("clips/\(clipName(3))"), 0o600)
        try folder.write("mine", to: "clips/song.wav")
        var warnings: [String] = []
        var export = try ReviewExport(
            to: folder.file("out"), from: try ClipFolders([folder.file("clips")]), isStopped: { false },
            warn: { warnings.append($0) })
        for number in [1, 2, 3] as [UInt64] { try export.add(event(number, .right)) }
        #expect(export.counts.exported == 1 && export.counts.failed == 2)
        #expect(warnings.count == 2 && warnings[1].hasSuffix("is not a regular file"))
        #expect(try files() == ["Siren/1 100000"])
        #expect(throws: HistoryFailure.self) { try ClipFolders([folder.file("none")]) }
    }
}

extension ReviewOutcome {
    fileprivate init(reviewed: Int, ambiguous: [String]) {
        self.init()
        (self.reviewed, self.ambiguous) = (reviewed, ambiguous)
    }
}

extension EventFilter {
    fileprivate init(isReviewed: Bool?) {
        self.init()
        self.isReviewed = isReviewed
    }
}
