internal import ArgumentParser
internal import Gateway
internal import Glibc
internal import SystemSupport
internal import TextSupport
internal import Wire

/// The options of commands that read the history.
struct FilterArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only events that began at this time or later: 24h, 7d, 2026-01-31, '2026-01-31 22:05' (local) or 2026-01-31T22:05:00Z.",
            valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Only events that began before this time.", valueName: "time"))
    var until: String?

    @Option(help: "Only events of this label; repeatable.")
    var label: [String] = []

    @Option(help: "Only events of this daemon; repeatable.")
    var daemon: [String] = []

    @Option(help: ArgumentHelp("Only events whose highest score is at least this.", valueName: "score"))
    var minScore: Float?

    /// Whether anything but `--daemon` is given.
    var hasMoreThanDaemons: Bool { since != nil || until != nil || !label.isEmpty || minScore != nil }

    func filter() throws -> EventFilter {
        EventFilter(
            since: try since.map { try TimeArgument.parse($0, option: "--since") },
            until: try until.map { try TimeArgument.parse($0, option: "--until") }, labels: label,
            daemons: daemon, minScore: minScore)
    }
}

enum HistoryFormat: String, ExpressibleByArgument, CaseIterable {
    case text, jsonl, csv

    /// `text` on a terminal, `jsonl` in a pipe.
    static var standard: HistoryFormat { isatty(STDOUT_FILENO) == 1 ? .text : .jsonl }
}

extension SettingsArguments {
    /// The history of these settings, or ends the program.
    func openHistory() throws -> HistoryReader {
        let path = try historyPath()
        do throws(HistoryFailure) { return try HistoryReader(path: path) } catch {
            throw Failure.general(error.description)
        }
    }

    /// The database of these settings, or ends the program.
    func historyPath() throws -> String {
        let loaded = try load()
        guard let path = loaded.settings.history.path else {
            let file = loaded.file ?? GatewaySettingsSources.standardFile
            let place = loaded.file == nil ? "\(file), which does not exist" : file
            throw Failure.general("no history is kept: set history.path in \(place)")
        }
        return path
    }

    /// Prints events; those whose clip this user can see have its path.
    ///
    /// - Parameter empty: What is printed as text if there are none.
    func list(_ filter: EventFilter, format: HistoryFormat, empty: String) throws {
        let reader = try openHistory()
        let clips = (try? ClipFolders(load().settings.history.clips)) ?? ClipFolders()
        let output = TextOutput()
        if format == .csv { output.line(EventText.csvHeader) }
        var count = 0
        do {
            try reader.events(filter) { event in
                count += 1
                var event = event
                event.clip = event.clip ?? clips[event.id]
                switch format {
                case .text: output.line(EventText.line(event))
                case .jsonl: output.bytes(event.encoded())
                case .csv: output.line(EventText.csv(event))
                }
            }
        } catch let error as HistoryFailure {
            throw Failure.general(error.description)
        }
        if count == 0 && format == .text { output.line(empty) }
        try output.finish()
    }
}

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "List events of the history, the oldest first.",
        discussion: """
            EXAMPLES
              astd-gateway events --since 24h
              astd-gateway events --since 7d --label Siren --format csv > sirens.csv
              astd-gateway events --since 2026-01-31 --until 2026-02-01 --min-score 0.8

            Times in text are local; those in JSON and CSV are UTC.
            """)

    @OptionGroup var settingsArguments: SettingsArguments
    @OptionGroup var filterArguments: FilterArguments

    @Option(help: "Output format. Default: text on a terminal, jsonl in a pipe.")
    var format: HistoryFormat?

    @Option(help: ArgumentHelp("Only the newest events, at most so many.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more") }
    }

    func run() throws {
        var filter = try filterArguments.filter()
        filter.limit = limit
        try settingsArguments.list(filter, format: format ?? .standard, empty: "no events")
    }
}

struct SummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Count events per label and day, or hour.",
        discussion: """
            EXAMPLES
              astd-gateway summary --since 7d
              astd-gateway summary --since 24h --by hour --label Speech

            Days and hours are local time.
            """)

    enum Span: String, ExpressibleByArgument, CaseIterable { case day, hour }

    @OptionGroup var settingsArguments: SettingsArguments
    @OptionGroup var filterArguments: FilterArguments

    @Option(help: "Length of a span.")
    var by = Span.day

    @Option(help: "Output format. Default: text on a terminal, jsonl in a pipe.")
    var format: HistoryFormat?

    func run() throws {
        let filter = try filterArguments.filter()
        let reader = try settingsArguments.openHistory()
        let now = Int(Timestamp.now.unixNanos / 1_000_000_000)
        let offset = TimeZoneRule.local.offsetSeconds(atUnixSeconds: now)
        let summaries: [EventSummary]
        do throws(HistoryFailure) {
            summaries = try reader.summary(filter, hours: by == .day ? 24 : 1, offsetSeconds: offset)
        } catch {
            throw Failure.general(error.description)
        }
        let output = TextOutput()
        switch format ?? .standard {
        case .text:
            for line in EventText.table(summaries, isHourly: by == .hour, offset: offset) {
                output.line(line)
            }
        case .jsonl:
            for summary in summaries { output.bytes(summary.encoded()) }
        case .csv:
            output.line("begin,daemon,label,count,total_seconds,longest_seconds,peak_score")
            for summary in summaries { output.line(EventText.csv(summary)) }
        }
        try output.finish()
    }
}
