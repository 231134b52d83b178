import ArgumentParser
import Wire

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Read the adapters' directory again, and every loaded adapter that changed.",
        discussion: """
            EXAMPLE
              cp -r birds-v2/. /var/lib/astd/adapters/birds && astctl reload
            """)

    @OptionGroup var connection: ConnectionOptions

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object("reload")
        if json { return try Output.standard.write(reply.encoded()) }
        let report = try client.understand(reply) { json throws(WireError) in try ReloadReport(json) }
        let kinds = [
            ("loaded", report.loaded), ("replaced", report.replaced), ("unchanged", report.unchanged),
            ("removed", report.removed),
        ]
        let lines = kinds.filter { !$0.1.isEmpty }.map { word, names in
            "\(word): \(names.map(Text.printable).joined(separator: ", "))\n"
        }
        try Output.standard.write(lines.isEmpty ? "no adapters\n" : lines.joined())
        for problem in report.problems {
            try Output.standardError.write("astctl: \(Text.printable(problem))\n")
        }
        if !report.problems.isEmpty { throw ExitCode(1) }
    }
}
