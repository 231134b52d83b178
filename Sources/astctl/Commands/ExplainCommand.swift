import DaemonClient
import ArgumentParser
import SystemSupport
import TextSupport
import Wire

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain why a label is or is not reported at the moment.",
        discussion: """
            EXAMPLES
              astctl explain Siren
              astctl explain Siren --json | jq .smoothed_score
            """)

    @Argument(help: "Label, spelled as in `astctl labels`.")
    var label: String

    @Option(help: "Explain the label of this adapter, or of `base`, when several are active.")
    var adapter: String?

    @OptionGroup var source: SourceOption
    @OptionGroup var connection: ConnectionOptions

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func validate() throws {
        if label.isEmpty { throw ValidationError("the label is empty: give one that `astctl labels` lists") }
    }

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object(.explain) { json in
            json.member("label", label)
            if let adapter { json.member("adapter", adapter) }
            source.writeParameter(&json)
        }
        if json { return try Output.standard.write(reply.encoded()) }
        let report = try client.decode(reply) { json throws(JSONError) in try ExplainReport(json) }
        let all = [report] + report.others
        let lines = all.flatMap { report in
            ExplainText.lines(report, namesClass: all.count { $0.source == report.source } > 1)
        }
        try Output.standard.write(lines.joined(separator: "\n") + "\n")
    }
}

/// Formats an explanation for people.
enum ExplainText {
    /// - Parameters:
    ///   - namesClass: Several classes have this label, so the class's index is shown.
    ///   - zone: The zone of the times.
    static func lines(
        _ report: ExplainReport, namesClass: Bool = false, zone: TimeZoneRule = .local
    ) -> [String] {
        let owner = StatusText.owner(
            classIndex: namesClass ? report.index : nil, adapter: report.adapter, source: report.source)
        var lines = [
            Text.printable("\(report.label)\(owner): \(report.state.rawValue), \(report.reason)")
        ]
        if let value = report.score {
            // Over a single window, it is the score.
            let smoothed =
                report.smoothing == 1
                ? nil
                : report.smoothedScore.map {
                    ", smoothed \(score($0)) over \(report.smoothing) windows"
                }
            lines.append(row("score", score(value) + (smoothed ?? "")))
        }
        lines.append(row("on", "\(score(report.on)), \(report.hits) of \(report.minimumHits) hits"))
        if report.minimumDurationSeconds > 0 {
            let estimate = report.estimatedDurationSeconds.map { ", now about \(Text.number($0)) s" } ?? ""
            lines.append(
                row("duration", "\(Text.number(report.minimumDurationSeconds)) s at least\(estimate)"))
        }
        lines.append(row("off", "\(score(report.off)), merge gap \(Text.number(report.mergeGapSeconds)) s"))
        if report.refractorySeconds > 0 {
            let until = report.refractoryUntil.map { ", until \(LocalTime.full($0, zone))" } ?? ""
            lines.append(
                row("refractory", "\(Text.number(report.refractorySeconds)) s after an event\(until)"))
        }
        if let event = report.event {
            let begin = report.eventBegin.map { LocalTime.full($0, zone) } ?? "?"
            let peak = report.peakScore.map { ", peak \(score($0))" } ?? ""
            var hits = ""
            if let count = report.eventHits, let windows = report.eventWindows {
                hits = ", hits: \(count) of \(windows) windows"
            }
            lines.append(row("event", "\(event) since \(begin)\(peak)\(hits)"))
        }
        if let time = report.time { lines.append(row("window", "ended at \(LocalTime.full(time, zone))")) }
        return lines
    }

    private static func row(_ name: String, _ text: String) -> String { Text.padded(name, to: 11) + text }

    private static func score(_ value: Float) -> String {
        FixedDecimals.text(Double(value), decimals: 3) ?? "not a number"
    }
}
