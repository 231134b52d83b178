internal import ArgumentParser
internal import Daemon
internal import Logging
internal import Settings

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
              astd run --set detection.on=0.7            other thresholds for events
              astd run --check-config                    what is in force, and from where

            Settings come from a YAML file, then from variables (ASTD_HOP, ASTD_DETECTION_ON, ...), then from options; the later win.

            Then, in another terminal: astctl watch, or nc -U $XDG_RUNTIME_DIR/astd/events.sock
            """)

    @OptionGroup var settingsArguments: SettingsArguments

    @Flag(help: "Print what is in force and from where, and exit: 78 when something is wrong.")
    var checkConfig = false

    @Option(
        help: "pulse, pulse:NAME (a glob over names and descriptions), file:PATH or stdin. Default: pulse")
    var source: String?

    @Option(
        help: "Model directory. Default: $ASTD_MODEL, models/default, /var/lib/astd/..., /usr/share/astd/...")
    var model: String?

    @Option(
        help: "LoRA adapter directory (PEFT) to merge into the model. Several: each classifies for itself.")
    var adapter: [String] = []

    @Option(
        help:
            "A directory with adapters, one a directory, that `astctl adapter use` can name; read again on reload. Default: $ASTD_ADAPTERS_DIR, /var/lib/astd/adapters"
    )
    var adaptersDir: String?

    @Option(help: "Seconds from one window to the next, in steps of 0.01. Default: 1")
    var hop: String?

    @Option(help: "How scores are made: auto, softmax, sigmoid, or none for raw logits. Default: auto")
    var activation: String?

    @Option(
        help:
            "Arithmetic of the layers' products: fp32 (exact), bf16 (twice as fast), int8 (three times as fast, off by a few hundredths of a logit), or auto (the default): int8 where the processor has fast instructions for it and they pass a check at the start, else fp32."
    )
    var precision: String?

    @Option(
        help:
            "Where packed weights are kept from one start to the next. Default: $ASTD_CACHE_DIR, $CACHE_DIRECTORY, ~/.cache/astd."
    )
    var cacheDir: String?

    @Flag(help: "Pack weights at every start and keep them nowhere.")
    var noCache = false

    @Option(help: "Threads of the forward pass. Default: all processors.")
    var threads: String?

    @Option(
        parsing: .unconditional,  // -60 is a value, not an option.
        help:
            "Do not classify windows that are quieter than this throughout, in dB relative to full scale (such as -60): they are answered at once, without labels. Default: all are classified."
    )
    var gate: String?

    @Flag(help: "A file is not paced: it is classified as fast as it goes.")
    var fast = false

    @Flag(help: "Start reading a file or standard input when the first client subscribes.")
    var waitForSubscriber = false

    @Option(
        help:
            "Where the sockets are. Default: $ASTD_RUNTIME_DIR, $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/astd, /run/astd"
    )
    var runtimeDir: String?

    func run() async throws {
        let sources = try settingsArguments.sources(
            standardFile: SettingsSources.standardFile, flags: flags())
        let loaded = try sources.loadOrFail()
        if checkConfig { return print(loaded.text, terminator: "") }
        var logger = Logger(label: "astd") { label -> any LogHandler in
            if JournalLogHandler.isConnected { return JournalLogHandler() }
            return StreamLogHandler.standardError(label: label)
        }
        logger.logLevel = .info
        do {
            try await AstDaemon(try options(loaded.settings, sources), logger: logger).run()
        } catch let error as DaemonError {
            throw Failure.daemon(error)
        }
    }

    private func flags() -> [String: [String]] {
        let named = [
            "source": source, "model": model, "adapters_dir": adaptersDir, "cache_dir": cacheDir, "hop": hop,
            "activation": activation,
            "precision": precision, "threads": threads, "gate": gate, "runtime_dir": runtimeDir,
        ]
        var flags = named.compactMapValues { $0.map { [$0] } }
        if !adapter.isEmpty { flags["adapter"] = adapter }
        if noCache { flags["no_cache"] = ["true"] }
        if fast { flags["fast"] = ["true"] }
        if waitForSubscriber { flags["wait_for_subscriber"] = ["true"] }
        return flags
    }

    private func options(_ settings: Settings, _ sources: SettingsSources) throws -> DaemonOptions {
        DaemonOptions(
            recognizer: try settings.recognizerOptions(historyFrames: settings.hopFrames),
            adaptersDirectory: AdaptersDirectoryLocator.find(explicit: settings.adaptersDir),
            hopFrames: settings.hopFrames,
            runtimeDirectory: RuntimeDirectoryLocator.find(explicit: settings.runtimeDir),
            settings: settings, settingsSources: sources)
    }
}
