internal import ArgumentParser
internal import Gateway
internal import Glibc
internal import SystemSupport

struct ReviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "review", abstract: "Say whether events are right, or list those without a review.",
        discussion: """
            EXAMPLES
              astd-gateway review --since 24h                            events without a review
              astd-gateway review 5f0c9a3be2174c11-17 --right
              astd-gateway review 5f0c9a3be2174c11-18 --as 'Smoke detector'
              astd-gateway events --label Dog --format jsonl | jq -r .id | xargs astd-gateway review --wrong

            Every event has an id, which `events` prints. The running gateway stores the review; members of its group \
            may send one. A later review replaces an earlier one.
            """)

    @OptionGroup var settingsArguments: SettingsArguments
    @OptionGroup var filterArguments: FilterArguments

    @Argument(help: ArgumentHelp("Events to review; none: list those without a review.", valueName: "id"))
    var ids: [String] = []

    @Flag(help: "The label is right.")
    var right = false

    @Flag(help: "The label is wrong.")
    var wrong = false

    @Option(name: .customLong("as"), help: ArgumentHelp("The sound was of this label.", valueName: "label"))
    var other: String?

    @Flag(help: "Remove the review.")
    var clear = false

    @Option(help: "Output format of the list. Default: text on a terminal, jsonl in a pipe.")
    var format: HistoryFormat?

    @Option(help: ArgumentHelp("List only the newest events, at most so many.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more") }
        let verdicts = [right, wrong, other != nil, clear].count { $0 }
        if verdicts > 1 { throw ValidationError("give one of --right, --wrong, --as and --clear") }
        if verdicts == 1 && ids.isEmpty {
            throw ValidationError("name the events: `astd-gateway events` prints their ids")
        }
        if verdicts == 0 && !ids.isEmpty {
            throw ValidationError("say what the events are: --right, --wrong, --as LABEL or --clear")
        }
        if let other, other.isEmpty || other.utf8.count > EventReview.maximumLabelBytes {
            throw ValidationError("--as needs a label of 1 to \(EventReview.maximumLabelBytes) bytes")
        }
        if !ids.isEmpty && filterArguments.hasMoreThanDaemons {
            throw ValidationError("with ids, only --daemon selects")
        }
    }

    func run() throws {
        if ids.isEmpty { return try list() }
        let path = try settingsArguments.historyPath()
        let review: EventReview? = other.map { .other($0) } ?? (right ? .right : wrong ? .wrong : nil)
        var outcome = ReviewOutcome()
        do throws(HistoryFailure) {
            let client = ReviewClient(history: path)
            if filterArguments.daemon.isEmpty {
                outcome = try client.review(ids, daemon: nil, as: review)
            } else {
                for daemon in filterArguments.daemon {
                    outcome.add(try client.review(ids, daemon: daemon, as: review))
                }
            }
        } catch {
            throw Failure.general(error.description)
        }
        for id in outcome.missing { Failure.warn("no event \(id) in the history") }
        for id in outcome.ambiguous {
            Failure.warn("several daemons have an event \(id): say which with --daemon")
        }
        let output = TextOutput()
        let count = outcome.reviewed == 1 ? "1 event" : "\(outcome.reviewed) events"
        output.line(clear ? "\(count) without a review now" : "reviewed \(count)")
        try output.finish()
        if !outcome.missing.isEmpty || !outcome.ambiguous.isEmpty { throw ExitCode(1) }
    }

    private func list() throws {
        var filter = try filterArguments.filter()
        filter.isReviewed = false
        filter.limit = limit
        try settingsArguments.list(filter, format: format ?? .standard, empty: "no event without a review")
    }
}

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the clips of reviewed events into a folder per label, for training.",
        discussion: """
            EXAMPLES
              sudo astd-gateway export --reviewed /srv/training
              astd-gateway export --reviewed clips --since 30d --clips /var/lib/astd/clips

            Events that are right are in the folder of their label, others in that of the label that the review names; \
            those that are wrong are left out. Clips are copied; a file that exists is kept, and is moved if a later \
            review names another label. Interrupted, it can be repeated. Characters that a folder cannot have are \
            written %HH.

            Clips can be read by the user of astd only: run this as that user, or as root.
            """)

    @OptionGroup var settingsArguments: SettingsArguments
    @OptionGroup var filterArguments: FilterArguments

    @Option(help: ArgumentHelp("Folder to write to; it is created in an existing one.", valueName: "folder"))
    var reviewed: String

    @Option(help: ArgumentHelp("Folder with clips; repeatable. Default: history.clips.", valueName: "folder"))
    var clips: [String] = []

    func run() throws {
        var filter = try filterArguments.filter()
        filter.isReviewed = true
        let settings = try settingsArguments.load().settings
        let folders = clips.isEmpty ? settings.history.clips : clips
        guard !folders.isEmpty else {
            throw Failure.general("no folder of clips: set history.clips, or name it with --clips")
        }
        let reader = try settingsArguments.openHistory()
        // Their arrival is looked up between two parts of a file.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
        sigprocmask(SIG_BLOCK, &signals, nil)
        var events: [HistoryEvent] = []
        var export: ReviewExport
        do {
            try reader.events(filter) { events.append($0) }
            export = try ReviewExport(
                to: reviewed, from: try ClipFolders(folders), isStopped: Self.isSignalled,
                warn: { Failure.warn($0) })
        } catch let error as HistoryFailure {
            throw Failure.general(error.description)
        }
        var done = 0
        var code: Int32 = 0
        do throws(ReviewExport.Stop) {
            for event in events {
                try export.add(event)
                done += 1
            }
        } catch {
            switch error {
            case .interrupted:
                Failure.warn("interrupted; run it again for the other \(events.count - done) events")
                code = 130
            case .failed(let reason):
                Failure.warn("\(reason); \(events.count - done) events are left: run it again")
                code = 1
            }
        }
        let output = TextOutput()
        output.line(Self.text(export.counts, labels: export.labels.count, of: events.count))
        try output.finish()
        if code == 0 && export.counts.failed > 0 { code = 1 }
        if code != 0 { throw ExitCode(code) }
    }

    private static func isSignalled() -> Bool {
        var pending = sigset_t()
        sigpending(&pending)
        return [SIGINT, SIGTERM, SIGHUP].contains { sigismember(&pending, $0) == 1 }
    }

    /// `12 clips exported, 3 were there, ...`.
    static func text(_ counts: ReviewExport.Counts, labels: Int, of events: Int) -> String {
        if events == 0 { return "no event has a review: see `astd-gateway review --help`" }
        var parts = ["\(counts.exported) \(counts.exported == 1 ? "clip" : "clips") exported"]
        for (count, text) in [
            (counts.present, "there already"), (counts.moved, "moved to another label"),
            (counts.withoutClip, "without a clip"), (counts.wrong, "wrong, left out"),
            (counts.failed, "failed"),
        ] where count > 0 { parts.append("\(count) \(text)") }
        return parts.joined(separator: ", ") + "; \(labels) \(labels == 1 ? "label" : "labels")"
    }
}
