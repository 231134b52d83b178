import DaemonClient
import ArgumentParser
import Wire

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show live scores: bars on a terminal, JSON lines in a pipe.",
        discussion: """
            When the daemon ends, `astctl watch` waits for its return and continues; in a pipe, it says so on \
            standard error, and prints the `hello` record of the new run before its records.

            EXAMPLES
              astctl watch --top-k 10
              astctl watch --labels Dog,Siren --min-score 0.3
              astctl watch --source garden             one of several sources
              astctl watch --count 1 | jq -r '.labels[0].label'
              astctl watch --json | mosquitto_pub -t astd -l
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var reconnection: ReconnectOptions
    @OptionGroup var source: SourceOption

    @Option(help: ArgumentHelp("Maximum number of labels per window.", valueName: "n"))
    var topK: Int?

    @Option(help: ArgumentHelp("Omit labels with a lower score.", valueName: "score"))
    var minScore: Float?

    @Option(
        help: ArgumentHelp(
            "Show only these labels, separated by commas. The option can be repeated; a label that contains commas needs one of its own.",
            valueName: "names"))
    var labels: [String] = []

    @Option(
        help: ArgumentHelp(
            "Stop after this number of predictions. In a pipe: print only predictions.", valueName: "n"))
    var count: Int?

    @Flag(help: "Print JSON lines on a terminal, too.")
    var json = false

    func validate() throws {
        if let topK, topK < 1 { throw ValidationError("--top-k must be 1 or more") }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more") }
        if let minScore, !minScore.isFinite {
            throw ValidationError("--min-score must be between -3.4e38 and 3.4e38")
        }
    }

    func run() throws {
        let client = try connection.connect()
        try source.check(client.hello)
        let filter = WatchFilter(
            topK: topK, minScore: minScore, labels: try WatchFilter.labels(labels, client),
            source: source.name)
        let isTerminal = Output.standard.isTerminal && !json
        let state = WatchState(hello: client.hello, filter: filter)
        let parameters =
            isTerminal ? state.parameters : filter.parameters(count == nil ? nil : [.prediction, .source])
        let subscription = try LiveSubscription(
            client, parameters, waitSeconds: reconnection.waitSeconds(isTerminal: isTerminal))
        if isTerminal {
            let watcher = ScreenWatcher(subscription: subscription, count: count)
            if source.name == nil, client.hello.sources.count > 1 {
                try watcher.run(SeveralSources(hello: client.hello, filter: filter))
            } else {
                try watcher.run(state)
            }
        } else {
            try LineWatcher(subscription: subscription, count: count).run()
        }
    }
}
