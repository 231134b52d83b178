import DaemonClient
import ArgumentParser
import TextSupport
import Wire

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show a table of all labels: redrawn in place on a terminal, printed in a pipe or with -n.",
        discussion: """
            SCORE is the score of the last window, MEAN the mean of the last ten, PEAK the highest since the start \
            of `astctl top`. EVENTS counts the events since then, with those that were in progress; LAST is the \
            local time at which the last one ended, or `now`. A narrow terminal shows fewer columns.

            `latency` is the time from the last sample of a window to its record, in milliseconds; `inference` is \
            the part of the forward pass.

            EXAMPLES
              astctl top
              astctl top -n 1                 print one table, after the next window
              astctl top --labels Dog,Siren
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var reconnection: ReconnectOptions
    @OptionGroup var source: SourceOption

    @Option(
        name: [.customShort("n"), .customLong("count")],
        help: ArgumentHelp(
            "Print a table after each of this number of windows. Default in a pipe: 1.", valueName: "n"))
    var count: Int?

    @Option(
        help: ArgumentHelp(
            "Show only these labels, separated by commas. The option can be repeated; a label that contains commas needs one of its own.",
            valueName: "names"))
    var labels: [String] = []

    func validate() throws {
        if let count, count < 1 { throw ValidationError("-n must be 1 or more") }
    }

    func run() throws {
        let client = try connection.connect()
        try source.check(client.hello)
        let state = TopState(
            hello: client.hello, labels: try WatchFilter.labels(labels, client), source: source.name)
        let isScreen = Output.standard.isTerminal && count == nil
        let subscription = try LiveSubscription(
            client, state.parameters, waitSeconds: reconnection.waitSeconds(isTerminal: isScreen))
        if isScreen {
            try ScreenWatcher(subscription: subscription, count: nil).run(state)
        } else {
            try Self.printTables(state, subscription, count: count ?? 1)
        }
    }

    private static func printTables(
        _ initial: TopState, _ subscription: LiveSubscription, count: Int
    ) throws {
        var state = initial
        var tables = 0
        var notice = SourceNotice()
        while tables < count {
            let next = try subscription.next(withinMilliseconds: 1000)
            try notice.process(next, of: subscription)
            if case .resumed(let hello, _) = next { state.update(with: .hello(hello)) }
            guard case .record(let record?, _) = next else { continue }
            state.update(with: record)
            guard case .prediction(let prediction) = record,
                prediction.adapter ?? AdapterRecord.baseName
                    == state.lastAdapter(of: prediction.source)
            else { continue }
            tables += 1
            let lines = state.lines(ScreenFrame(isLive: false))
            let table = lines.map { $0 + "\n" }.joined()
            try Output.standard.write((tables > 1 ? "\n" : "") + table)
        }
    }
}
