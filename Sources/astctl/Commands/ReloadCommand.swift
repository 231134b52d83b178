import DaemonClient
import ArgumentParser
import TextSupport
import Wire

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract:
            "Reload the configuration and every adapter that changed.",
        discussion: """
            EXAMPLES
              sudoedit /etc/astd/astd.yaml && astctl reload

              Replace an adapter by renaming, so that no half copied one is read:
              cd /var/lib/astd/adapters && cp -r ~/birds-v2 .birds
              mv birds .birds-old && mv .birds birds && astctl reload
            """)

    @OptionGroup var connection: ConnectionOptions

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object(.reload)
        if json { return try Output.standard.write(reply.encoded()) }
        let report = try client.decode(reply) { json throws(JSONError) in try ReloadReport(json) }
        let kinds = [
            ("loaded", report.loaded), ("replaced", report.replaced), ("unchanged", report.unchanged),
            ("removed", report.removed),
        ]
        let lines = kinds.filter { !$0.1.isEmpty }.map { word, names in
            "\(word): \(names.map(Text.printable).joined(separator: ", "))\n"
        }
        let settings =
            report.changed.map { "changed \(Text.printable($0))\n" }
            + report.needsRestart.map { "after a restart: \(Text.printable($0))\n" }
        let text = settings.joined() + lines.joined()
        try Output.standard.write(text.isEmpty ? "nothing changed\n" : text)
        for warning in report.warnings {
            try Output.standardError.write("astctl: warning: \(Text.printable(warning))\n")
        }
        for problem in report.problems {
            try Output.standardError.write("astctl: \(Text.printable(problem))\n")
        }
        if !report.problems.isEmpty { throw ExitCode(1) }
    }
}
