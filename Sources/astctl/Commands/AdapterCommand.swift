import DaemonClient
import ArgumentParser
import TextSupport
import Wire

/// `astctl adapter`: manages the daemon's adapters.
struct AdapterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapter",
        abstract: "List, load, use and unload adapters at run time.",
        discussion: """
            EXAMPLES
              astctl adapter                          list the adapters
              astctl adapter load ~/lora/birds --use  load an adapter and switch to it
              astctl adapter use birds alarms         classify each window with both
              astctl adapter use base alarms          classify without and with an adapter
              astctl adapter use base                 switch back to the base model
              astctl adapter use birds --source pond  for one of several sources
            """,
        subcommands: [List.self, Load.self, Use.self, Unload.self],
        defaultSubcommand: List.self)
}

extension AdapterCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the loaded adapters; * marks active ones.")

        @OptionGroup var connection: ConnectionOptions

        @Flag(help: "Print the daemon's reply as one line of JSON.")
        var json = false

        func run() throws {
            let client = try connection.connect()
            let reply = try client.object(.adapterList)
            if json { return try Output.standard.write(reply.encoded()) }
            let list = try client.decode(reply) { json throws(JSONError) in try AdapterList(json) }
            try Output.standard.write(AdapterText.lines(list).map { $0 + "\n" }.joined())
        }
    }

    struct Load: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "load",
            abstract: "Load an adapter directory; it replaces an adapter of the same name.")

        @Argument(help: "PEFT directory that the daemon can read.")
        var directory: String

        @Option(help: "Name of the adapter. Default: the name of the directory.")
        var name: String?

        @Flag(help: "Switch to this adapter alone.")
        var use = false

        @OptionGroup var connection: ConnectionOptions

        func run() throws {
            let client = try connection.connect()
            let path = FilePath.absolute(directory)
            let reply = try client.object(.adapterLoad) { json in
                json.member("path", path)
                if let name { json.member("name", name) }
            }
            let entry = try client.decode(reply) { json throws(JSONError) in
                try AdapterList.Entry(json)
            }
            try Output.standard.write("loaded \(AdapterText.description(entry))\n")
            for warning in entry.warnings {
                try Output.standardError.write("astctl: warning: \(Text.printable(warning))\n")
            }
            if use { try Use.use([entry.name], nil, client) }
        }
    }

    struct Use: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "use",
            abstract:
                "Switch to these adapters, from the next window on; `base` is the base model.")

        @Argument(help: "Names of loaded adapters; each of them classifies every window.")
        var names: [String]

        @OptionGroup var source: SourceOption
        @OptionGroup var connection: ConnectionOptions

        func run() throws {
            let client = try connection.connect()
            try source.check(client.hello)
            try Self.use(names, source, client)
        }

        static func use(_ names: [String], _ source: SourceOption?, _ client: ControlClient) throws {
            let reply = try client.object(.adapterUse) { json in
                json.member("names", strings: names)
                source?.writeParameter(&json)
            }
            let report = try client.decode(reply) { json throws(JSONError) in try SwitchReport(json) }
            let active = report.active.map(Text.printable).joined(separator: ", ")
            try Output.standard.write(
                "using \(active) (merged in \(Text.number(report.mergeMs)) ms, waited \(Text.number(report.waitMs)) ms "
                    + "for the current window)\n")
        }
    }

    struct Unload: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unload", abstract: "Unload an adapter that is not active.")

        @Argument(help: "Name of the adapter.")
        var name: String

        @OptionGroup var connection: ConnectionOptions

        func run() throws {
            let client = try connection.connect()
            _ = try client.object(.adapterUnload) { $0.member("name", name) }
            try Output.standard.write("unloaded \(Text.printable(name))\n")
        }
    }
}

/// Formats lists of adapters for people.
enum AdapterText {
    static func lines(_ list: AdapterList) -> [String] {
        let isBaseActive = list.active.contains(AdapterRecord.baseName)
        let base = "\(isBaseActive ? "*" : " ") \(AdapterRecord.baseName)  the model without an adapter"
        return [base] + list.adapters.map { "\($0.isActive ? "*" : " ") \(description($0))" }
    }

    static func description(_ entry: AdapterList.Entry) -> String {
        let ranks = entry.ranks.map {
            $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)"
        }
        let rank = ranks.map { " of rank \($0)" } ?? ""
        return "\(Text.printable(entry.name))  \(entry.labels) labels, \(entry.matrices) matrices\(rank), "
            + "\(ByteCount.text(entry.bytes)) when used in \(Text.printable(entry.precision)), \(Text.printable(entry.path))"
    }
}
