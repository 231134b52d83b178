import ArgumentParser
import TextSupport
import Wire

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why a label was or was not reported just now.",
        discussion: """
            EXAMPLES
              astctl explain Siren
              astctl explain Siren --json | jq .smoothed_score
            """)

    @Argument(help: "The label, spelled as `astctl labels` does.")
    var label: String

    @Option(help: "Of this adapter, or of `base`, when several classify.")
    var adapter: String?

    @OptionGroup var connection: ConnectionOptions

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object("explain") { json in
            json.member("label", label)
            if let adapter { json.member("adapter", adapter) }
        }
        if json { return try Output.standard.write(reply.encoded()) }
        let report = try client.understand(reply) { json throws(JSONError) in try ExplainReport(json) }
        try Output.standard.write(ExplainText.lines(report).joined(separator: "\n") + "\n")
    }
}

/// An explanation as people read it.
enum ExplainText {
    static func lines(_ report: ExplainReport) -> [String] {
        let adapter = report.adapter.map { " of \(Text.printable($0))" } ?? ""
        var lines = [
            "\(Text.printable(report.label))\(adapter): \(report.state), \(Text.printable(report.reason))",
            row(
                "score",
                "\(score(report.score)), smoothed \(score(report.smoothedScore)) over \(report.smoothing)"),
            row("on", "\(score(report.on)), \(report.hits) of \(report.minimumHits) hits"),
            row("off", "\(score(report.off)), merge gap \(Text.number(report.mergeGapSeconds)) s"),
        ]
        if report.refractorySeconds > 0 {
            let until = report.refractoryUntil.map { ", until \($0)" } ?? ""
            lines.append(row("rest", "\(Text.number(report.refractorySeconds)) s after an event\(until)"))
        }
        if let event = report.event {
            let begin = report.eventBegin?.description ?? "?"
            lines.append(row("event", "\(event) since \(begin), peak \(score(report.peakScore))"))
        }
        if let time = report.time { lines.append(row("heard", "until \(time)")) }
        return lines
    }

    private static func row(_ name: String, _ text: String) -> String { Text.padded(name, to: 9) + text }

    private static func score(_ value: Float?) -> String {
        value.flatMap { FixedDecimals.text(Double($0), decimals: 3) } ?? "none"
    }
}
