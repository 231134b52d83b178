import ArgumentParser
import Wire

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show live scores: bars on a terminal, JSON lines in a pipe.",
        discussion: """
            EXAMPLES
              astctl watch --top-k 10
              astctl watch --labels Dog,Siren --min-score 0.3
              astctl watch --count 1 | jq -r '.labels[0].label'
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(help: ArgumentHelp("Maximum number of labels per window.", valueName: "n"))
    var topK: Int?

    @Option(help: ArgumentHelp("Omit labels with a lower score.", valueName: "score"))
    var minScore: Float?

    @Option(
        help: ArgumentHelp(
            "Show only these labels, separated by commas. The option can be repeated.",
            discussion: "A label that contains commas needs an option of its own.",
            valueName: "names"))
    var labels: [String] = []

    @Option(
        help: ArgumentHelp(
            "Stop after this number of predictions. In a pipe: print only predictions.", valueName: "n"))
    var count: Int?

    func validate() throws {
        if let topK, topK < 1 { throw ValidationError("--top-k must be 1 or more") }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more") }
        if let minScore, !minScore.isFinite { throw ValidationError("--min-score must be a number") }
    }

    func run() throws {
        let client = try connection.connect()
        let filter = WatchFilter(
            topK: topK, minScore: minScore, labels: try WatchFilter.labels(labels, client))
        if Output.standard.isTerminal {
            try ScreenWatcher(client: client, count: count).run(
                WatchState(hello: client.hello, filter: filter))
        } else {
            try LineWatcher(client: client, filter: filter, count: count).run()
        }
    }
}
