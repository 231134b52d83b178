internal import ArgumentParser
internal import Batch
private import Glibc
internal import Inference
internal import Recognizer
private import SystemSupport
private import Wire

struct Embed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a vector for each window of audio files, for search, clustering and probes.",
        discussion: """
            The vector is what the model's classifier is given: the mean of the first two tokens after the last \
            LayerNorm, before the classifier's own LayerNorm and dense layer. transformers calls it pooler_output. \
            Files are read and cut into windows as `astd classify` does. Unless --precision says otherwise, vectors are \
            computed in fp32 and equal those of transformers to 1e-4.

            X.npy is a float32 array, [windows, hidden]; the row for each window is in X.index.csv, a line per row with \
            file, start and end. X.csv has both in one table, the values in columns v0, v1, ... A file that cannot be \
            read has no row; it is named on standard error, and the exit status is 1.

            EXAMPLES
              astd embed recordings/ --output recordings.npy
              astd embed clips/ --aggregate mean --output clips.csv   one vector per file
              astd embed street.wav --hop 1 --adapter my-lora --output street.npy
            """)

    @OptionGroup var input: InputArguments

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: "Start a window every this many seconds, in steps of 0.01. Default: the window's length.")
    var hop: Double?

    @OptionGroup var fileArguments: FileArguments

    @Option(
        help:
            "Write one vector per file, the mean or the max of its windows' vectors; none: one vector per window."
    )
    var aggregate: Aggregation = .none

    @OptionGroup var clockArguments: ClockArguments

    @Option(help: "Write this file, which ends in .npy or .csv.")
    var output: String

    @Option(
        help:
            "Compute this number of windows at once; the threads are divided among them. Default: one for each thread, for a single file 1."
    )
    var jobs: Int?

    @Flag(
        help:
            "Continue an interrupted run with the same input, options and --output. Files that failed are tried again."
    )
    var resume = false

    @Flag(help: "Do not show progress and the summary on standard error; errors and skipped files are shown.")
    var noProgress = false

    func validate() throws {
        if let jobs, !(1...256).contains(jobs) { throw ValidationError("--jobs is \(jobs): give 1 to 256") }
        if let hop, !HopRange.contains(hop) {
            throw ValidationError("--hop is \(hop): give \(HopRange.text)")
        }
        if clockArguments.startTime != nil && !input.isSingleFile {
            throw ValidationError("--start-time is the time of one recording: name one file")
        }
        _ = try vectors()
    }

    func run() throws {
        let vectors = try vectors()
        let clock = try clockArguments.clock()
        let files = try input.queue(
            outputs: vectors.ownOutputs, resumes: resume ? vectors.destination : nil)
        var options = try modelArguments.recognizerOptions(activation: Activation.none)
        if modelArguments.precision == nil { (options.precision, options.checksPrecision) = (.fp32, false) }
        let jobs = jobs ?? (input.isSingleFile ? 1 : options.threads)
        // As in `astd classify`: every job has the same number of threads.
        options.threads = max(1, options.threads / jobs)
        let rule = fileArguments.rule(hopFrames: hop.map { Int(($0 * 100).rounded()) })
        let fingerprint = ResumeFingerprint(
            recognizer: options, topK: nil, minimumScore: nil, rule, clock, aggregation: aggregate,
            eventSettings: nil, formats: [], report: nil)
        if resume,
            try vectors.destination.isComplete(fingerprint, files, outputs: vectors.paths, named: output)
        {
            return
        }
        let first = try WindowScorer.load(options)
        let classifiers = try (0..<jobs).map { job in
            FileClassifier(
                job == 0 ? first : try WindowScorer.make(first.variants, threads: options.threads),
                topK: nil, minimumScore: nil, rule)
        }
        let result: BatchRun.Result
        do {
            let outputs = try BatchOutputs(
                vectors, width: first.variants[0].network.config.dimensions.hidden, fingerprint: fingerprint,
                resumes: resume)
            StopSignal.install()
            result = try BatchRun(
                classifiers, aggregation: aggregate, makesVectors: true, clock: clock, outputs,
                ProgressBar(isVisible: !noProgress && isatty(STDERR_FILENO) != 0),
                stopSignal: { StopSignal.received }
            ).run(files, report: Failure.warn)
        } catch let error as WriteError {
            if error.isClosedPipe { return }
            throw Failure.general(error.reason)
        } catch let error as ThreadError {
            throw Failure.general(error.description)
        }
        try result.report(
            outputs: [output] + (vectors.indexPath.map { [$0] } ?? []), canResume: true,
            showsTotals: !noProgress)
    }

    private func vectors() throws -> VectorFiles {
        if let vectors = VectorFiles(path: output) { return vectors }
        throw ValidationError("--output \(output): give a name that ends in .npy or .csv")
    }
}
