import DaemonClient
import ArgumentParser
import SystemSupport
import TextSupport
import Wire

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the daemon's status; the default command.",
        discussion: """
            EXAMPLES
              astctl status
              astctl status --json | jq .memory.anonymous_bytes
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var source: SourceOption

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object(.status) { source.writeParameter(&$0) }
        if json {
            try Output.standard.write(reply.encoded())
        } else {
            let report = try client.decode(reply) { json throws(JSONError) in try StatusReport(json) }
            try Output.standard.write(StatusText.lines(report).joined(separator: "\n") + "\n")
        }
    }
}

/// Formats a status report for people, in lines of at most 80 columns unless a word is longer.
enum StatusText {
    private static let width = 80
    /// Of the names of the rows.
    private static let indent = 9

    /// - Parameter zone: The zone of the times.
    static func lines(_ report: StatusReport, zone: TimeZoneRule = .local) -> [String] {
        let model = report.model
        let lastMs = report.lastWindowMs.map { "\(Text.number($0)) ms" } ?? "none yet"
        let meanMs = report.meanWindowMs.map { ", mean \(Text.number($0)) ms" } ?? ""
        let name = Text.printable(model.name)
        let hop = Text.number(report.hopSeconds)
        let threads = count(report.threads, "thread")
        let memory = report.memory
        let rows = [
            (
                "astd",
                "\(report.version), \(report.state.rawValue), pid \(report.pid), up \(age(report.uptimeSeconds))"
            ),
            ("model", "\(name), \(count(model.labels, "label")), \(Text.printable(model.path))"),
            ("scores", "\(Text.printable(model.activation)): \(Text.printable(model.activationReason))"),
            (
                "window",
                "\(Text.number(model.windowSeconds)) s at \(model.sampleRate) Hz, one every \(hop) s"
            ),
            ("adapter", adapters(report.adapters)),
        ]
        let counts = [
            ("compute", "\(report.precision), \(threads); last window \(lastMs)\(meanMs)"),
            ("windows", windows(report.counters)),
            ("gaps", gaps(report)),
            ("clients", "\(report.clients) connected, \(report.lostRecords) records lost"),
            (
                "memory",
                "\(megabytes(memory.rssBytes)) resident, \(megabytes(memory.anonymousBytes)) anonymous"
            ),
        ]
        let check = report.precisionCheck.map { row("check", Text.printable($0)) } ?? []
        let problem = report.hopProblem.map { row("hop", Text.printable($0)) } ?? []
        return rows.flatMap { row($0, $1) } + sources(report) + events(report.events, zone)
            + counts.flatMap { row($0, $1) } + check + problem
    }

    /// One row; with several sources, one for each.
    private static func sources(_ report: StatusReport) -> [String] {
        if let source = report.source { return row("source", self.source(source)) }
        let width = report.sources.map(\.source.count).max() ?? 0
        return report.sources.enumerated().flatMap { index, status in
            let counters = status.counters
            let skipped = counters.skippedWindows == 0 ? "" : ", \(counters.skippedWindows) skipped"
            let windows = "\(count(counters.windows, "window"))\(skipped)"
            let adapters =
                status.adapters.map { " with " + $0.map(Text.printable).joined(separator: ", ") } ?? ""
            let text =
                "\(Text.padded(status.source, to: width))  \(windows)\(adapters); \(source(status.report))"
            // Deeper than the names of the sources.
            return row(index == 0 ? "sources" : "", text, indent: indent + 2)
        }
    }

    private static func source(_ source: SourceReport) -> String {
        let reason = source.message.map { ": " + $0 } ?? ""
        return Text.printable("\(source.name), \(source.state.rawValue)\(reason)")
    }

    /// The events in progress.
    private static func events(_ events: [ActiveEvent], _ zone: TimeZoneRule) -> [String] {
        let texts = events.map { event in
            let peak = FixedDecimals.text(Double(event.peakScore), decimals: 3) ?? "?"
            let owner = owner(adapter: event.adapter, source: event.source)
            return Text.printable(
                "\(event.label)\(owner) since \(LocalTime.clock(event.begin, zone)), peak \(peak)")
        }
        return row("events", texts.isEmpty ? "none" : texts.joined(separator: "; "))
    }

    /// ` (adapter alarms, source garden)`, behind a label.
    ///
    /// - Parameter classIndex: Where several classes have the label.
    static func owner(classIndex: Int? = nil, adapter: String?, source: String?) -> String {
        let parts = [
            classIndex.map { "class \($0)" }, adapter.map { "adapter \($0)" }, source.map { "source \($0)" },
        ].compactMap { $0 }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    /// How much sound is missing, by reason.
    private static func gaps(_ report: StatusReport) -> String {
        let counters = report.counters
        let reasons = [
            (counters.overrunSamples, "overrun"), (counters.lostSamples, "source lost"),
            (counters.pausedSamples, "paused"),
        ]
        let gaps = reasons.filter { $0.0 > 0 }.map { samples, reason in
            let seconds = Double(samples) / Double(report.model.sampleRate)
            return "\(Text.number(max(0.01, seconds))) s \(reason)"
        }
        let invalid =
            counters.invalidSamples == 0 ? [] : ["\(count(counters.invalidSamples, "invalid sample"))"]
        let parts = gaps + invalid
        if parts.isEmpty { return counters.skippedWindows == 0 ? "none" : "those of the skipped windows" }
        return parts.joined(separator: ", ")
    }

    private static func windows(_ counters: SourceCounters) -> String {
        let gated = counters.gatedWindows == 0 ? "" : ", \(counters.gatedWindows) silent"
        return "\(counters.windows - min(counters.windows, counters.gatedWindows)) classified\(gated), "
            + "\(counters.skippedWindows) skipped"
    }

    private static func adapters(_ names: [String]) -> String {
        if names == [AdapterRecord.baseName] { return "none" }
        return names.map { $0 == AdapterRecord.baseName ? "\($0) (no adapter)" : Text.printable($0) }
            .joined(separator: ", ")
    }

    private static func row(_ name: String, _ text: String, indent: Int = indent) -> [String] {
        var lines = Text.wrapped(text, to: width, indent: indent)
        lines[0] = Text.padded(name, to: Self.indent) + lines[0]
        return lines
    }

    private static func count(_ number: some BinaryInteger, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    private static func megabytes(_ bytes: UInt64) -> String {
        ByteCount.text(bytes)
    }

    /// The two largest units of a duration.
    private static func age(_ seconds: Double) -> String {
        let total = Int(max(0, min(seconds, 1e12)))
        let parts = [
            (total / 86_400, "d"), (total / 3_600 % 24, "h"), (total / 60 % 60, "min"), (total % 60, "s"),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? 3
        return parts[first...].prefix(2).map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }
}
