internal import ArgumentParser
internal import Capture
internal import Daemon
internal import Logging
internal import Recognizer

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Listens, and serves what it hears on two Unix sockets.",
        discussion: """
            EXAMPLES
              astd run                                   the default microphone
              astd run --source 'pulse:*USB*' --hop 0.5  a microphone by its name or description, twice a second
              astd run --source file:street.wav          a file, in real time
              astd run --adapter models/alarms           with a LoRA adapter merged in
              astd run --adapter a --adapter b           each window is classified with a, and with b

            Then, in another terminal: astctl watch, or nc -U $XDG_RUNTIME_DIR/astd/events.sock
            """)

    @Option(help: "pulse, pulse:NAME (a glob over names and descriptions), file:PATH or stdin.")
    var source = "pulse"

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: "Seconds from one window to the next, in steps of 0.01.")
    var hop = 1.0

    @Option(help: "How scores are made: auto, softmax, sigmoid, or none for raw logits.")
    var activation: ActivationArgument = .auto

    @Option(
        help:
            "Where the sockets are. Default: $ASTD_RUNTIME_DIR, $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/astd, /run/astd"
    )
    var runtimeDir: String?

    @Option(
        help:
            "A directory with adapters, one a directory, that `astctl adapter use` can name; read again on reload. Default: $ASTD_ADAPTERS_DIR, /var/lib/astd/adapters"
    )
    var adaptersDir: String?

    @Option(
        parsing: .unconditional,  // -60 is a value, not an option.
        help:
            "Do not classify windows that are quieter than this throughout, in dB relative to full scale (such as -60): they are answered at once, without labels. Default: all are classified."
    )
    var gate: Double?

    @Flag(help: "A file is not paced: it is classified as fast as it goes.")
    var fast = false

    func validate() throws {
        if !(hop >= 0.01 && hop <= 600) { throw ValidationError("--hop is \(hop): give 0.01 to 600 seconds") }
        if let gate, !(gate >= -200 && gate <= 0) {
            throw ValidationError("--gate is \(gate): give -200 to 0 dB relative to full scale")
        }
        do { _ = try SourceSpec(parsing: source) } catch { throw ValidationError("--source: \(error)") }
    }

    func run() async throws {
        var logger = Logger(label: "astd") { label -> any LogHandler in
            if JournalLogHandler.isConnected { return JournalLogHandler() }
            return StreamLogHandler.standardError(label: label)
        }
        logger.logLevel = .info
        let hopFrames = Int((hop * 100).rounded())
        let options = DaemonOptions(
            recognizer: try modelArguments.recognizerOptions(
                activation: activation.activation, hopFrames: hopFrames),
            source: source, adaptersDirectory: AdaptersDirectoryLocator.find(explicit: adaptersDir),
            unpaced: fast, gateDBFS: gate, hopFrames: hopFrames,
            runtimeDirectory: RuntimeDirectoryLocator.find(explicit: runtimeDir))
        do {
            try await AstDaemon(options, logger: logger).run()
        } catch let error as DaemonError {
            throw Failure.daemon(error)
        }
    }
}
