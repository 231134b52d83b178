import DaemonClient
import ArgumentParser
import TextSupport
import Wire

struct LabelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels",
        abstract: "List the labels of the active model, each with its index.",
        discussion: """
            EXAMPLES
              astctl labels | grep -i dog
              astctl labels --json | jq -r '.labels[]'
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "List the labels of this loaded adapter, or of `base`. Default: the active one.")
    var adapter: String?

    @Flag(help: "Print the daemon's reply as one line of JSON.")
    var json = false

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object(.labels) { json in
            if let adapter { json.member("adapter", adapter) }
        }
        if json {
            try Output.standard.write(reply.encoded())
            return
        }
        let list = try client.decode(reply) { json throws(JSONError) in try LabelList(json) }
        let digits = String(max(0, list.labels.count - 1)).count
        let lines = list.labels.enumerated().map { index, label in
            "\(Text.paddedLeft(String(index), to: digits))  \(Text.printable(label))\n"
        }
        try Output.standard.write(lines.joined())
    }
}
