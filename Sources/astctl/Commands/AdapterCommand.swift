import ArgumentParser
import TextSupport
import Wire

/// `astctl adapter`: what the daemon has loaded, and what it classifies with.
struct AdapterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapter",
        abstract: "List, load, use and unload LoRA adapters while the daemon listens.",
        discussion: """
            EXAMPLES
              astctl adapter                          what is loaded; * marks what classifies
              astctl adapter load ~/lora/birds --use  load an adapter and classify with it
              astctl adapter use birds alarms         classify each window with both
              astctl adapter use base alarms          the model itself, and an adapter
              astctl adapter use base                 back to the model as it was published
            """,
        subcommands: [AdapterList.self, AdapterLoad.self, AdapterUse.self, AdapterUnload.self],
        defaultSubcommand: AdapterList.self)
}

extension AdapterCommand {
    struct AdapterList: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List what is loaded; * marks what classifies.")

        @OptionGroup var connection: ConnectionOptions

        @Flag(help: "Print the daemon's reply as one line of JSON.")
        var json = false

        func run() throws {
            let client = try connection.connect()
            let reply = try client.object("adapter.list")
            if json { return try Output.standard.write(reply.encoded()) }
            let list = try client.understand(reply) { json throws(JSONError) in try Wire.AdapterList(json) }
            try Output.standard.write(AdapterText.lines(list).map { $0 + "\n" }.joined())
        }
    }

    struct AdapterLoad: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "load",
            abstract: "Load an adapter directory; one of the same name gives way to it.")

        @Argument(help: "A PEFT LoRA directory, as the daemon sees it.")
        var directory: String

        @Option(help: "What to call it. Default: the directory's name.")
        var name: String?

        @Flag(help: "Classify with it, and nothing else, from now on.")
        var use = false

        @OptionGroup var connection: ConnectionOptions

        func run() throws {
            let client = try connection.connect()
            let path = FilePath.absolute(directory)
            let reply = try client.object("adapter.load") { json in
                json.member("path", path)
                if let name { json.member("name", name) }
            }
            let entry = try client.understand(reply) { json throws(JSONError) in
                try Wire.AdapterList.Entry(json)
            }
            try Output.standard.write("loaded \(AdapterText.description(entry))\n")
            if use { try AdapterUse.use([entry.name], client) }
        }
    }

    struct AdapterUse: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "use",
            abstract:
                "Classify with these loaded adapters from the next window on; `base` is the model itself.")

        @Argument(help: "Names; several classify each window, each for itself.")
        var names: [String]

        @OptionGroup var connection: ConnectionOptions

        func run() throws { try Self.use(names, try connection.connect()) }

        static func use(_ names: [String], _ client: ControlClient) throws {
            let reply = try client.object("adapter.use") { $0.member("names", strings: names) }
            let report = try client.understand(reply) { json throws(JSONError) in try SwitchReport(json) }
            let active = report.active.map(Text.printable).joined(separator: ", ")
            try Output.standard.write(
                "using \(active) (merged in \(Text.number(report.mergeMs)) ms, waited \(Text.number(report.waitMs)) ms "
                    + "for the window at hand)\n")
        }
    }

    struct AdapterUnload: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unload", abstract: "Forget a loaded adapter that is not in use.")

        @Argument(help: "Its name.")
        var name: String

        @OptionGroup var connection: ConnectionOptions

        func run() throws {
            let client = try connection.connect()
            _ = try client.object("adapter.unload") { $0.member("name", name) }
            try Output.standard.write("unloaded \(Text.printable(name))\n")
        }
    }
}
