public import ArgumentParser
public import Batch
internal import Wire

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

struct Classify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Labels audio files.",
        discussion: """
            A file is cut into windows of the model's length that begin at 0, hop, 2 hop, ...; the last one is padded. \
            On a terminal the output is text, otherwise a JSON object a line.

            EXAMPLES
              astd classify dog.wav
              astd classify recordings/ --top-k 3 --min-score 0.2 > labels.jsonl
              astd classify --activation none --top-k all --format jsonl clip.flac
              find . -name '*.mp3' | astd classify --files-from -
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

    @Option(help: "How scores are made: auto, softmax, sigmoid, or none for raw logits.")
    var activation: ActivationArgument = .auto

    @Option(
        help:
            "Seconds from one window's beginning to the next, in steps of 0.01. Default: the window's length."
    )
    var hop: Double?

    @Option(help: "text or jsonl. Default: text on a terminal, else jsonl.")
    var format: RecordWriter.Format?

    @Option(help: "Write to this file instead of standard output.")
    var output: String?

    @Flag(help: "No progress on standard error.")
    var noProgress = false

    func validate() throws {
        if let hop, !(hop >= 0.01 && hop <= 86400) {
            throw ValidationError("--hop is \(hop): give 0.01 to 86400 seconds")
        }
        if paths.isEmpty && filesFrom == nil {
            throw ValidationError("Nothing to classify: name files, directories or -")
        }
    }

    func run() throws {
        let recognizer = try modelArguments.load(activation: activation.activation)
        let classifier = FileClassifier(
            recognizer, topK: topK.limit, minimumScore: minScore,
            hopFrames: hop.map { Int(($0 * 100).rounded()) })
        var failed = 0
        do throws(RecordWriter.WriteError) {
            let writer = try RecordWriter(
                format: format ?? (output == nil && isatty(STDOUT_FILENO) != 0 ? .text : .jsonl), path: output
            )
            let files = FileQueue(paths: paths, listPath: filesFrom)
            let progress = ProgressLine(isVisible: !noProgress && isatty(STDERR_FILENO) != 0)
            failed = try BatchRun(classifier, writer, progress).run(files, report: Failure.warn)
            try writer.finish()
        } catch {
            // `astd classify ... | head` is a normal way to use it.
            if error.isClosedPipe { return }
            throw Failure.general(error.reason)
        }
        if failed > 0 { throw Failure.someFilesFailed }
    }
}

extension RecordWriter.Format: ExpressibleByArgument {}
