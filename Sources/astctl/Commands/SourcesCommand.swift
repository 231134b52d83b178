import DaemonClient
import ArgumentParser
import TextSupport
import Wire

struct SourcesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources",
        abstract: "List the sources that `astd run --source` accepts; * marks the active one.",
        discussion: """
            EXAMPLES
              astctl sources
              astctl sources --json | jq -r '.sources[].name'
            """)

    @OptionGroup var connection: ConnectionOptions

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object(.sources)
        if json {
            try Output.standard.write(reply.encoded())
            return
        }
        let list = try client.decode(reply) { json throws(JSONError) in try SourceList(json) }
        let lines = list.sources.map { source in
            let description = source.description.map { "  \(Text.printable($0))" } ?? ""
            let names = source.sources.isEmpty ? "" : "  [\(source.sources.joined(separator: ", "))]"
            return
                "\(source.isActive ? "*" : " ") \(Text.printable(source.name))\(Text.printable(names))\(description)\n"
        }
        try Output.standard.write(lines.joined())
    }
}
