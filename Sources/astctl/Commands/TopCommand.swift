import ArgumentParser
import Wire

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "A table of all labels: redrawn in place on a terminal, plain in a pipe or with -n.",
        discussion: """
            SCORE is of the last window, MEAN of the last ten, PEAK the highest since the start of `astctl top`; EVENTS are those that
            began since then, LAST is when the last of them was last heard. `pass` is the time that a window took to compute.

            EXAMPLES
              astctl top
              astctl top -n 1                 one table, after the next window
              astctl top --labels Dog,Siren
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(
        name: [.customShort("n"), .customLong("count")],
        help: ArgumentHelp(
            "Print a plain table after each of so many windows. Default in a pipe: 1.", valueName: "n"))
    var count: Int?

    @Option(
        help: ArgumentHelp(
            "Only these labels, separated by commas, or one each time the option is given.",
            discussion: "A name with a comma in it needs an option of its own that ends in a comma.",
            valueName: "names"))
    var labels: [String] = []

    func validate() throws {
        if let count, count < 1 { throw ValidationError("-n must be 1 or more") }
    }

    func run() throws {
        let client = try connection.connect()
        let names = Set(labels.flatMap { WatchFilter.names($0) })
        let state = TopState(hello: client.hello, labels: names.isEmpty ? nil : names)
        if Output.standard.isTerminal && count == nil {
            try ScreenWatcher(client: client, count: nil).run(state)
        } else {
            try Self.printTables(state, client, count: count ?? 1)
        }
    }

    private static func printTables(_ beginning: TopState, _ client: ControlClient, count: Int) throws {
        var state = beginning
        let parameters = state.parameters
        _ = try client.request("subscribe") { parameters.writeMembers(to: &$0) }
        var tables = 0
        while tables < count {
            guard let record = try client.nextRecord(withinMilliseconds: 60_000) else { continue }
            state.take(record)
            guard case .prediction(let prediction) = record,
                prediction.adapter ?? AdapterRecord.baseName == state.watch.adapters.last
            else { continue }
            tables += 1
            let lines = state.lines(width: 80, height: .max, palette: .plain)
            let table = lines.map { $0 + "\n" }.joined()
            try Output.standard.write((tables > 1 ? "\n" : "") + table)
        }
    }
}
