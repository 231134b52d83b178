import TestSupport
import Testing
import TextSupport
import Wire

/// Every place that shows the state of a source, read by clients that arrive now.
struct SourcePlaces {
    let daemon: RunningDaemon
    /// A part of the reason that every place for people has; nil for a source with which nothing is wrong.
    let reason: String?
    /// The name of one of several sources; nil for a source without a name.
    var source: String?
    /// The names of all of them.
    var names: [String] = []
    /// A screen that shows all of them.
    var overview: Screen?
    /// What `explain` says instead of the reason.
    var explained: String?
    /// What the screens say instead of the reason.
    var displayed: String?
    /// Whether to subscribe: that starts a source that waits for a subscriber.
    var subscribes = true

    /// Whether a screen may show windows before it shows the reason.
    var hasWindows = false

    /// What a place shows.
    struct Cell {
        let place: String
        let text: String
    }

    func cells() async throws -> [Cell] {
        let record = try await record()
        var cells = [Cell(place: "record", text: Self.text(record))]
        func add(_ place: String, _ text: String) {
            #expect(!text.isEmpty, "\(place)")
            cells.append(Cell(place: place, text: text))
        }
        add("status --json", try await statusObject(record))
        add("status", try await statusText())
        if subscribes {
            add("watch", try await watch())
            if let overview { add("watch, all", try await row(of: overview)) }
            add("watch | cat", try await watchInPipe())
            add("top", try await top())
        }
        add("explain", try await explanation())
        add("metrics", try await metrics())
        add("systemd", try await statusLine())
        add("log", try logLine())
        return cells
    }

    private var option: [String] { source.map { ["--source", $0] } ?? [] }

    private func checked(_ text: String, _ wanted: String? = nil) -> String {
        if let wanted = wanted ?? reason { #expect(text.contains(wanted), "not \(wanted): \(text)") }
        return text
    }

    // MARK: Records

    /// The record after `hello` on both sockets, and after `subscribe`.
    private func record() async throws -> SourceRecord {
        func pick(_ record: LiveRecord) -> SourceRecord? {
            record.source.flatMap { $0.source == source ? $0 : nil }
        }
        let control = try RecordClient(daemon.folder.file(RunningDaemon.control))
        let greeted = try await control.next("the source after hello", pick)
        if let reason {
            _ = checked(greeted.message ?? "", reason)
        } else {
            #expect(greeted.isFine, "\(greeted)")
        }
        guard subscribes else { return greeted }
        try await control.ask("subscribe", #"{"types":["source"]}"#)
        #expect(try await control.next("the source after subscribe", pick) == greeted)
        #expect(try await daemon.listen().next("the source after hello", pick) == greeted)
        return greeted
    }

    private static func text(_ record: SourceRecord) -> String {
        String(decoding: LiveRecord.source(record).encoded().dropLast(), as: UTF8.self)
    }

    private func statusObject(_ record: SourceRecord) async throws -> String {
        let reply = try await daemon.astctl(arguments: ["status", "--json"] + option)
        let report = try StatusReport(JSONObject(parsing: reply.output))
        #expect((report.source ?? report.sources.first?.report) == SourceReport(record))
        return #""state":"\#(report.state.rawValue)", and the members of the record"#
    }

    // MARK: Texts

    /// The row of the source, with its wrapped lines joined.
    private func statusText() async throws -> String {
        let lines = try await daemon.astctl(arguments: ["status"] + option).lines
        #expect(lines.allSatisfy { $0.count <= 80 || !$0.drop { $0 == " " }.contains(" ") }, "\(lines)")
        guard let first = lines.firstIndex(where: { $0.hasPrefix("source") }) else {
            throw TestFailure("no source in \(lines)")
        }
        let rows = lines[(first + 1)...].prefix { $0.hasPrefix(" ") }.map { $0.drop { $0 == " " } }
        return checked(([lines[first].dropFirst(9)] + rows).joined(separator: " "))
    }

    /// What a screen shows first with the reason, before any window.
    private var wanted: String { displayed ?? reason.map { String($0.prefix(50)) } ?? "no problems" }

    private func watch() async throws -> String {
        let lines = try await Screen(daemon, ["watch"] + option).lines(with: wanted)
        // A line without a reason is shown only until the first window, which may come at any moment.
        let waiting = lines.filter { $0.hasPrefix("waiting for the first window:") }
        return cut((hasWindows ? [] : waiting) + lines.suffix(1))
    }

    private func row(of overview: Screen) async throws -> String {
        let lines = try overview.lines()
        guard let source, let row = lines.first(where: { $0.hasPrefix("\(source) ") }) else {
            throw TestFailure("no row of the source in \(lines)")
        }
        return reason == nil ? "its last window" : cut(checked(row, wanted))
    }

    private func top() async throws -> String {
        // The title, the pace, the note.
        let lines = try await Screen(daemon, ["top"] + option).lines(with: wanted)
        if hasWindows { return cut(lines[2]) }
        let pace = lines[1].split(separator: "  ").filter { $0.contains("source") }.map(String.init)
        return cut(pace + [lines[2]])
    }

    /// The line up to the reason: what follows depends on the length of paths, and on the gaps that a client
    /// has seen since it came.
    private func cut(_ line: String) -> String {
        guard reason != nil || displayed != nil, let end = line.firstRange(of: wanted)?.upperBound else {
            return line.replacing(/; (1 gap of|\d+ gaps,) [0-9.]+ s( in all)?/, with: "")
        }
        return line.prefix(upTo: end) + (end == line.endIndex ? "" : "…")
    }

    private func cut(_ lines: [String]) -> String { lines.map(cut).joined(separator: " / ") }

    private func watchInPipe() async throws -> String {
        let program = try Astd.start(
            ["astctl", "watch"] + option + ["--socket", daemon.folder.file(RunningDaemon.control)],
            in: daemon.folder)
        defer { program.kill() }
        if reason == nil {
            try await eventually("a prediction on standard output") {
                try program.standardOutput().contains(#""type":"prediction""#) ? true : nil
            }
            #expect(try program.standardError().isEmpty)
            return "the records, and nothing on standard error"
        }
        let line = try await eventually("a line on standard error") {
            try program.standardError().split(separator: "\n").first.map(String.init)
        }
        return checked(line)
    }

    private func explanation() async throws -> String {
        let line = try await eventually("an explanation of a window") {
            let reply = try await daemon.astctl(arguments: ["explain", "Speech"] + option)
            return reply.lines.first.flatMap { $0.contains(": pending") ? nil : $0 }
        }
        return checked(line, explained)
    }

    private func metrics() async throws -> String {
        let lines = try await daemon.astctl(arguments: ["metrics"] + option).lines
        let own = source.map { "source=\"\($0)\"" } ?? ""
        let states = lines.filter { line in
            (line.hasPrefix("astd_source_") || line.hasPrefix("astd_overloaded")) && line.hasSuffix(" 1")
                && !line.contains("reconnects")
        }
        return states.map { $0.replacing("\(own),", with: "").replacing("{\(own)}", with: "") }
            .joined(separator: ", ")
    }

    private func statusLine() async throws -> String {
        let line = try await eventually("the status line in systemd") {
            daemon.notifications.status().map(part) ?? ""
        } until: {
            $0.contains(reason ?? "listening")
        }
        return checked(line)
    }

    /// The part of a status line about the source; of one with which nothing is wrong, what precedes the
    /// others.
    private func part(of line: String) -> String {
        var line = line[...]
        if let source, let begin = line.firstRange(of: "; \(source): ") { line = line[begin.upperBound...] }
        let ends = names.filter { $0 != source }.compactMap { line.firstRange(of: "; \($0): ")?.lowerBound }
        return String(line.prefix(upTo: ends.min() ?? line.endIndex))
    }

    private func logLine() throws -> String {
        let marks = source.map { ["source \($0) ", "source \($0): "] } ?? ["source ", "gate", "skipped"]
        // On a busy machine windows were skipped, whatever the state.
        let lines = try daemon.program.standardError().split(separator: "\n").filter { line in
            marks.contains { line.contains($0) } && !line.contains("none are any more")
        }
        // Also, a program was silent for seconds: a source that is back repeats what is wrong with it.
        let line = lines.last { line in
            guard let reason = line.firstRange(of: " is healthy: ") else { return true }
            return !lines.contains { $0.hasSuffix("): " + line[reason.upperBound...]) }
        }
        guard let line, let begin = line.firstRange(of: "] ") else { throw TestFailure("nothing in the log") }
        return checked("\(line.contains(" warning ") ? "warning" : "info"): \(line[begin.upperBound...])")
    }
}
