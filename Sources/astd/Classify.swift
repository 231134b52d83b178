private import Glibc
public import ArgumentParser
public import Batch
internal import Detection
internal import Inference
internal import Recognizer
internal import Settings
private import SystemSupport
internal import TextSupport
internal import Wire

struct Classify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Labels audio files.",
        discussion: """
            A file is cut into windows of the model's length that begin at 0, hop, 2 hop, ...; the last one is padded. \
            On a terminal the output is text, otherwise a JSON object a line. Records are in the order of the input. \
            A file that cannot be read is an error record, the others go on, and the exit status is 1.

            With --events the sounds themselves are told, from their beginning to their end, as `astd run` tells them: \
            by the settings of detection and hop, from --config, variables and --set.

            EXAMPLES
              astd classify dog.wav
              astd classify recordings/ --top-k 3 --min-score 0.2 > labels.jsonl
              astd classify recordings/ --aggregate max --format csv --output labels.csv --report report.html
              astd classify recordings/ --format csv,audacity --output labels/ --resume
              astd classify --activation none --top-k all --format jsonl clip.flac
              find . -name '*.mp3' | astd classify --files-from -
              astd classify street.wav --events --hop 0.5 --set detection.on=0.3
              astd classify recordings/ --events --config /etc/astd/astd.yaml --format audacity --output tracks/
            """)

    @Argument(help: "Files, directories (recursive), or - for audio on standard input.")
    var paths: [String] = []

    @Option(help: "A file with a path a line, or - for standard input.")
    var filesFrom: String?

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: "Labels per window, or all.")
    var topK: TopArgument = .count(5)

    @Option(parsing: .unconditional, help: "Leave labels with lower scores out.")
    var minScore: Float?

    @Option(help: "How scores are made: auto (the default), softmax, sigmoid, or none for raw logits.")
    var activation: ActivationArgument?

    @Option(
        help:
            "Seconds from one window's beginning to the next, in steps of 0.01. Default: the window's length; with --events 1."
    )
    var hop: Double?

    @Option(
        help: "One record for each file: the mean or the max of its windows' scores; none: a record a window."
    )
    var aggregate: Aggregation = .none

    @Flag(
        help:
            "A record for each sound instead of each window: begin, end, duration, peak score. --top-k and --min-score then only say what --report shows of the windows."
    )
    var events = false

    @OptionGroup(title: "Settings, with --events") var settingsArguments: SettingsArguments

    @Option(
        help:
            "text, jsonl, csv, audacity (labels) or raven (selection table); several with commas. Default: text on a terminal, else jsonl."
    )
    var format: FormatsArgument?

    @Option(
        help:
            "Write to this file instead of standard output, or, with several formats, audacity or raven, to files in this directory."
    )
    var output: String?

    @Option(
        help:
            "Windows that are classified at once; the threads are divided among them. Default: one for each thread, for a single file 1."
    )
    var jobs: Int?

    @Flag(help: "Go on with what an interrupted run with the same options left at --output.")
    var resume = false

    @Option(help: "Write a page that shows all files: labels over time, spectrograms, totals.")
    var report: String?

    @Flag(help: "No progress on standard error.")
    var noProgress = false

    func validate() throws {
        if let hop, !(hop >= 0.01 && hop <= 86400) {
            throw ValidationError("--hop is \(hop): give 0.01 to 86400 seconds")
        }
        if let jobs, !(1...256).contains(jobs) { throw ValidationError("--jobs is \(jobs): give 1 to 256") }
        if events && aggregate != .none {
            throw ValidationError("--events needs each window for itself: leave --aggregate out")
        }
        if !events && (settingsArguments.config != nil || !settingsArguments.assignments.isEmpty) {
            throw ValidationError("--config and --set are about events: add --events")
        }
        if paths.isEmpty && filesFrom == nil {
            throw ValidationError("Nothing to classify: name files, directories or -")
        }
        if paths.contains("-") && filesFrom == "-" {
            throw ValidationError("standard input is audio (-) or a list (--files-from -), not both")
        }
        if resume && output == nil {
            throw ValidationError("--resume needs --output: there is nothing to go on with")
        }
        _ = try destination()
    }

    func run() throws {
        let destination = try destination()
        if resume && BatchOutputs.isFinished(destination) {
            return Failure.warn(
                "\(output ?? "") is finished, there is nothing to go on with: remove it to begin anew")
        }
        let settings = try events ? loadedSettings() : nil
        var options =
            try settings?.recognizerOptions(historyFrames: 0)
            ?? modelArguments.recognizerOptions(activation: activation?.activation)
        let threads = options.threads
        let jobs = jobs ?? (isSingleFile ? 1 : threads)
        // Each job has as many threads, so that it does not matter which job gets a window: scores differ in their
        // last bits between numbers of threads.
        let threadsPerJob = max(1, threads / jobs)
        options.threads = threadsPerJob
        let first = try WindowScorer.load(options)
        if let settings { warnOfStrangers(settings.detection, first) }
        let hopFrames = settings?.hopFrames ?? hop.map { Int(($0 * 100).rounded()) }
        let classifiers = try (0..<jobs).map { job in
            FileClassifier(
                job == 0 ? first : try WindowScorer.make(first.variants, threads: threadsPerJob),
                topK: topK.limit, minimumScore: minScore, hopFrames: hopFrames)
        }
        let result: BatchRun.Result
        do {
            let outputs = try BatchOutputs(
                formats, of: events ? .events : .windows, to: destination, report: report,
                labels: ReportLabels(
                    first.variants.map { (first.variants.count > 1 ? $0.adapter : nil, $0.labels) }),
                settings: told(options, hopFrames, settings), resumes: resume)
            result = try run(classifiers, settings?.detection, outputs)
        } catch let error as WriteError {
            // `astd classify ... | head` is a normal way to use it.
            if error.isClosedPipe { return }
            throw Failure.general(error.reason)
        } catch let error as ThreadError {
            throw Failure.general(error.description)
        }
        if let signal = result.interruptedBy {
            let advice = output == nil ? "" : ", and kept: go on with --resume"
            Failure.warn("interrupted: \(result.files) files are finished\(advice)")
            throw ExitCode(128 + signal)
        }
        if result.failed > 0 { throw Failure.someFilesFailed }
    }

    private func loadedSettings() throws -> Settings {
        var flags = modelArguments.flags
        flags["activation"] = activation.map { [$0.rawValue] }
        flags["hop"] = hop.map { ["\($0)"] }
        return try settingsArguments.sources(standardFile: nil, flags: flags).loadOrFail().settings
    }

    /// A label that the model does not have is a slip, or of another model that shares the settings.
    private func warnOfStrangers(_ rules: DetectionRules, _ scorer: WindowScorer) {
        let known = scorer.variants.flatMap(\.labels)
        for label in rules.namedLabels.subtracting(known).sorted() {
            let near = NearMiss.of(label, among: known).map { ": do you mean \($0)?" } ?? ""
            Failure.warn("detection: the model has no label \(label)\(near)")
        }
    }

    private func run(
        _ classifiers: [FileClassifier], _ rules: DetectionRules?, _ outputs: BatchOutputs
    ) throws -> BatchRun.Result {
        let files = FileQueue(paths: paths, listPath: filesFrom)
        let isVisible = !noProgress && isatty(STDERR_FILENO) != 0
        let progress = ProgressBar(isVisible: isVisible)
        Interruption.listen()
        return try BatchRun(
            classifiers, aggregation: aggregate, eventRules: rules, outputs, progress,
            interruption: { Interruption.signal }
        ).run(files, report: Failure.warn)
    }

    private var formats: [RecordFormat] {
        format?.formats ?? [output == nil && isatty(STDOUT_FILENO) != 0 ? .text : .jsonl]
    }

    /// Whether exactly one recording is asked for.
    private var isSingleFile: Bool {
        guard filesFrom == nil, paths.count == 1 else { return false }
        var status = stat()
        return stat(paths[0], &status) != 0 || status.st_mode & S_IFMT != S_IFDIR
    }

    private func destination() throws -> BatchOutputs.Destination {
        let isForDirectory = formats.count > 1 || !isSingleFile && formats.contains { $0.isPerRecording }
        guard let output else {
            if isForDirectory {
                throw ValidationError(
                    "--format \(formats.map(\.rawValue).joined(separator: ",")) makes several files: name a directory for them with --output"
                )
            }
            return .standardOutput
        }
        var status = stat()
        let exists = stat(output, &status) == 0
        let isDirectory = exists && status.st_mode & S_IFMT == S_IFDIR
        if isForDirectory && exists && !isDirectory {
            throw ValidationError(
                "--output \(output) is a file, but several are to be written: name a directory")
        }
        let path = output.count > 1 && output.hasSuffix("/") ? String(output.dropLast()) : output
        return isForDirectory || isDirectory || output.hasSuffix("/") ? .directory(path) : .file(path)
    }

    /// Everything that decides about the records, by the names of the options.
    private func told(
        _ options: RecognizerOptions, _ hopFrames: Int?, _ settings: Settings?
    ) -> [(String, String)] {
        [
            ("--model", options.model), ("--adapter", options.adapters.joined(separator: ",")),
            ("--precision", options.precision.rawValue),
            ("--activation", options.activation?.rawValue ?? "auto"),
            ("--top-k", topK.defaultValueDescription), ("--min-score", minScore.map { "\($0)" } ?? "none"),
            ("--hop", hopFrames.map { "\(Double($0) / 100)" } ?? "none"), ("--aggregate", aggregate.rawValue),
            ("--events", "\(events)"), ("--set", settings?.detectionText ?? "none"),
            ("--format", formats.map(\.rawValue).joined(separator: ",")), ("--report", report ?? "none"),
            ("threads of a job", String(options.threads)),
        ]
    }
}

/// Formats, separated by commas.
struct FormatsArgument: ExpressibleByArgument {
    let formats: [RecordFormat]

    init?(argument: String) {
        var formats: [RecordFormat] = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let format = RecordFormat(rawValue: String(name)), !formats.contains(format) else {
                return nil
            }
            formats.append(format)
        }
        self.formats = formats
    }

    static var allValueStrings: [String] { RecordFormat.allCases.map(\.rawValue) }
}

extension Aggregation: ExpressibleByArgument {}
