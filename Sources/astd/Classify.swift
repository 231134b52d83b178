internal import ArgumentParser
internal import Batch
internal import Detection
private import Glibc
internal import Inference
internal import Recognizer
internal import Settings
private import SystemSupport
internal import TextSupport

struct Classify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify audio files.",
        discussion: """
            Each file is cut into windows of the model's length that start at 0, hop, 2 hop, ...; the last one ends with \
            the file. Only a file shorter than a window is padded. Channels are averaged unless --channel selects some. \
            On a terminal the output is text, otherwise one JSON object per line. Records are in the order of the input. \
            A file that cannot be read gets an error record; the other files are classified, and the exit status is 1. \
            In directories, hidden names and files of other kinds are skipped and counted on standard error.

            With --events, each record is a sound event with its begin and end, as `astd run` reports it, by the \
            settings of detection and hop from --config, environment variables and --set.

            EXAMPLES
              astd classify dog.wav
              astd classify recordings/ --top-k 3 --min-score 0.2 > labels.jsonl
              astd classify recordings/ --format csv --output labels.csv --report r.html
              astd classify recordings/ --format csv,audacity --output labels/ --resume
              astd classify --activation none --top-k all --format jsonl clip.flac
              find . -name '*.mp3' -print0 | astd classify --files-from - -0
              astd classify recordings/ --aggregate max --top-k 1
              astd classify street.wav --events --hop 0.5 --set detection.on=0.3
              astd classify recordings/ --events --format audacity --output tracks/
            """)

    @OptionGroup var input: InputArguments

    @OptionGroup var modelArguments: ModelArguments

    @OptionGroup var windowArguments: WindowArguments

    @OptionGroup var fileArguments: FileArguments

    @Option(help: "Output this number of labels per window, or all.")
    var topK: TopArgument = .count(5)

    @Option(parsing: .unconditional, help: "Omit labels with lower scores.")
    var minScore: Float?

    @Option(
        help:
            "Write one record per file, with the mean or the max of its windows' scores; none: one record per window."
    )
    var aggregate: Aggregation = .none

    @Flag(
        help:
            "Write a record for each sound event instead of each window: begin, end, duration, peak score. --top-k and --min-score then only affect the windows that --report shows."
    )
    var events = false

    @OptionGroup(title: "Settings, with --events") var settingsArguments: SettingsArguments

    @OptionGroup var clockArguments: ClockArguments

    @Option(
        help:
            "Write text, jsonl, csv, audacity (label track), raven (selection table) or raven-combined (one for all files); several with commas. Default: csv if --output ends in .csv, text on a terminal, else jsonl."
    )
    var format: FormatsArgument?

    @Option(
        help:
            "Write to this file instead of standard output; with several formats, audacity or raven, to files in this directory."
    )
    var output: String?

    @Option(
        help:
            "Classify this number of windows at once; the threads are divided among them. Default: one for each thread, for a single file 1."
    )
    var jobs: Int?

    @Flag(
        help:
            "Continue an interrupted run with the same input, options and --output. Files that failed are tried again."
    )
    var resume = false

    @Option(help: "Write an HTML page that shows all files: labels over time, spectrograms, totals.")
    var report: String?

    @Flag(help: "Do not show progress and the summary on standard error; errors and skipped files are shown.")
    var noProgress = false

    func validate() throws {
        try windowArguments.requireFixedHop()
        if let jobs, !(1...256).contains(jobs) { throw ValidationError("--jobs is \(jobs): give 1 to 256") }
        if events && aggregate != .none {
            throw ValidationError("--events and --aggregate exclude each other: leave one out")
        }
        if !events && (settingsArguments.config != nil || !settingsArguments.assignments.isEmpty) {
            throw ValidationError("--config and --set apply to events only: add --events")
        }
        if resume && output == nil {
            throw ValidationError("--resume needs --output: only files can be resumed")
        }
        if output == "-" {
            throw ValidationError("--output - is not a file: leave --output out for standard output")
        }
        if let limit = topK.limit, limit < 1 {
            throw ValidationError("--top-k is \(limit): give 1 or more, or all")
        }
        if let report {
            try requireEnding(of: report, [".html", ".htm"], option: "--report", "a page in HTML")
        }
        if let minScore, !minScore.isFinite {
            throw ValidationError("--min-score must be between -3.4e38 and 3.4e38")
        }
        if let minScore, minScore > 1, windowArguments.activation?.activation != Activation.none {
            throw ValidationError(
                "--min-score is \(minScore), but scores are at most 1: give 0 to 1, or add --activation none")
        }
        if clockArguments.startTime != nil && !input.isSingleFile {
            throw ValidationError("--start-time is the time of one recording: name one file")
        }
        if formats.contains(.ravenCombined) && fileArguments.channel == .each {
            throw ValidationError("--format raven-combined has one channel per file: use --format raven")
        }
        if formats.contains(.raven) && formats.contains(.ravenCombined) {
            throw ValidationError("--format raven and raven-combined exclude each other: leave one out")
        }
        _ = try destination()
        if let output, formats.count == 1 { try requireEnding(of: output, formats[0]) }
    }

    func run() throws {
        let destination = try destination()
        let clock = try clockArguments.clock()
        let files = try input.queue(
            outputs: OwnOutputs(destination, report: reportPath), resumes: resume ? destination : nil)
        let settings = try events ? loadedSettings() : nil
        var options =
            try settings?.recognizerOptions(historyFrames: 0)
            ?? modelArguments.recognizerOptions(activation: windowArguments.activation?.activation)
        let jobs = jobs ?? (input.isSingleFile ? 1 : options.threads)
        // Every job has the same number of threads: the last bits of scores depend on it, and it must not
        // matter which job classifies a window.
        options.threads = max(1, options.threads / jobs)
        let rule = fileArguments.rule(hopFrames: settings?.hopFrames ?? windowArguments.hopFrames)
        let fingerprint = ResumeFingerprint(
            recognizer: options, topK: topK.limit, minimumScore: minScore, rule, clock,
            aggregation: aggregate,
            eventSettings: settings?.detectionText, formats: formats, report: report)
        let combined = BatchOutputs.paths(formats, to: destination, report: reportPath)
        if resume,
            try destination.isComplete(fingerprint, files, outputs: combined, named: output ?? "")
        {
            return
        }
        let classifiers = try classifiers(options, jobs: jobs, rule)
        let variants = classifiers[0].scorer.variants
        if let settings { try checkGroups(settings.detection.groups, variants) }
        if let settings { warnOfUnknownLabels(in: settings.detection, variants) }
        let result: BatchRun.Result
        do {
            let outputs = try BatchOutputs(
                formats, of: events ? .events : .windows, to: destination, report: reportPath,
                labels: ReportLabels(variants.map { (variants.count > 1 ? $0.adapter : nil, $0.labels) }),
                fingerprint: fingerprint, resumes: resume)
            result = try run(files, classifiers, settings?.detection, clock, outputs)
        } catch let error as WriteError {
            // `astd classify ... | head` closes the pipe, which is not a failure.
            if error.isClosedPipe { return }
            throw Failure.general(error.reason)
        } catch let error as ThreadError {
            throw Failure.general(error.description)
        }
        if let settings { warnOfSingleWindows(result, settings.detection, variants) }
        let outputs = [output, report].compactMap { $0 }
        // Scripts that read standard output see errors only.
        let isShown = !outputs.isEmpty || isatty(STDERR_FILENO) != 0 && !input.isSingleFile
        try result.report(
            hasEvents: events, outputs: outputs, canResume: output != nil,
            showsTotals: !noProgress && isShown)
    }

    /// Clips of one window are a first try of many users, and have no event by the default settings.
    private func warnOfSingleWindows(
        _ result: BatchRun.Result, _ rules: DetectionRules, _ variants: [Variant]
    ) {
        let hits = rules.rule.minimumHits
        guard result.interruptedBy == nil, hits > 1, result.events == 0, result.windows > 0,
            result.windows <= result.files * variants.count
        else { return }
        Failure.warn(
            "no events: an event needs \(hits) windows in a row, and no recording has more than one; "
                + "--set detection.minimum_hits=1 also reports single windows")
    }

    private func classifiers(
        _ options: RecognizerOptions, jobs: Int, _ rule: WindowRule
    ) throws -> [FileClassifier] {
        let first = try WindowScorer.load(options)
        // Of one label it is always reported, because transformers scores it differently.
        let isTerminal = isatty(STDERR_FILENO) != 0
        for variant in first.variants
        where variant.activation.isGuessed && (isTerminal || variant.labels.count == 1) {
            let subject = variant.adapter.map { "adapter \($0)" } ?? options.model
            Failure.warn("\(subject): \(variant.summary); --activation overrides it")
        }
        return try (0..<jobs).map { job in
            FileClassifier(
                job == 0 ? first : try WindowScorer.make(first.variants, threads: options.threads),
                topK: topK.limit, minimumScore: minScore, rule)
        }
    }

    private func run(
        _ files: FileQueue, _ classifiers: [FileClassifier], _ rules: DetectionRules?,
        _ clock: RecordingClock, _ outputs: BatchOutputs
    ) throws -> BatchRun.Result {
        let progress = ProgressBar(isVisible: !noProgress && isatty(STDERR_FILENO) != 0)
        StopSignal.install()
        return try BatchRun(
            classifiers, aggregation: aggregate, eventRules: rules, clock: clock, outputs, progress,
            stopSignal: { StopSignal.received }
        ).run(files, report: Failure.warn)
    }

    private func loadedSettings() throws -> DaemonSettings {
        let flags = modelArguments.flags.merging(windowArguments.flags) { first, _ in first }
        return try settingsArguments.sources(readsStandardFile: false, flags: flags).loadOrFail("classify")
            .settings
    }

    private func checkGroups(_ groups: [LabelGroup], _ variants: [Variant]) throws {
        let problems =
            variants.flatMap(GroupProblems.collisions)
            + GroupProblems.unknownMembers(of: groups, known: variants.flatMap(\.labels))
        if !problems.isEmpty { throw Failure.groups(problems) }
    }

    /// A label that the model does not have is a spelling mistake, or belongs to another model with the same
    /// settings.
    private func warnOfUnknownLabels(in rules: DetectionRules, _ variants: [Variant]) {
        let known = variants.flatMap(\.labels)
        for label in rules.namedLabels.subtracting(known).sorted() {
            let near = NearMiss.of(label, among: known).map { "; did you mean '\($0)'?" } ?? ""
            Failure.warn("detection: the model has no label '\(label)'\(near)")
        }
    }

    private var formats: [RecordFormat] {
        if let format { return format.formats }
        if let output { return [output.lowercased().hasSuffix(".csv") ? .csv : .jsonl] }
        return [isatty(STDOUT_FILENO) != 0 ? .text : .jsonl]
    }

    /// The report's file, where ``report`` is a link to it.
    private var reportPath: String? { report.map(OutputFile.target) }

    private func destination() throws -> BatchOutputs.Destination {
        let isForDirectory =
            formats.count > 1 || !input.isSingleFile && formats.contains { $0.isPerRecording }
        guard let output else {
            if isForDirectory {
                throw ValidationError(
                    "--format \(formats.map(\.rawValue).joined(separator: ",")) writes several files: name a directory for them with --output"
                )
            }
            return .standardOutput
        }
        var status = stat()
        let exists = stat(output.systemPath, &status) == 0
        let isDirectory = exists && status.st_mode & S_IFMT == S_IFDIR
        if isForDirectory && exists && !isDirectory {
            throw ValidationError(
                "--output \(output) is a file, but several files are written: name a directory")
        }
        let path = output.count > 1 && output.hasSuffix("/") ? String(output.dropLast()) : output
        return isForDirectory || isDirectory || output.hasSuffix("/")
            ? .directory(path) : .file(OutputFile.target(of: path))
    }
}
