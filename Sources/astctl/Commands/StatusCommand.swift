import ArgumentParser
import TextSupport
import Wire

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how the daemon is (also without a command).",
        discussion: """
            EXAMPLES
              astctl status
              astctl status --json | jq .memory.anonymous_bytes
            """)

    @OptionGroup var connection: ConnectionOptions

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object("status")
        if json {
            try Output.standard.write(reply.encoded())
        } else {
            let report = try client.understand(reply) { json throws(JSONError) in try StatusReport(json) }
            try Output.standard.write(StatusText.lines(report).joined(separator: "\n") + "\n")
        }
    }
}
