private import SystemSupport
internal import ArgumentParser
internal import Daemon
internal import Logging
internal import Settings
internal import Systemd

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify live audio and serve the results on two Unix sockets.",
        discussion: """
            EXAMPLES
              astd run                                   the default microphone
              astd run --source 'pulse:*USB*' --hop 0.5  another microphone, every 0.5 s
              astd run --source file:street.wav          a file, in real time
              astd run --source pipe:/tmp/sound          what is written to a named pipe
              astd run --adapter models/alarms           with a LoRA adapter merged in
              astd run --adapter a --adapter b           each window with a and with b
              astd run --set detection.on=0.7            other thresholds for events
              astd run --check-config                    the settings in force

            Settings come from a YAML file, environment variables (ASTD_HOP, ASTD_DETECTION_ON, ...) and options; later \
            ones override earlier ones.

            Then, in another terminal: astctl watch, or nc -U $XDG_RUNTIME_DIR/astd/events.sock

            EXIT STATUS
              0 stopped by a signal or a request, or the file or stream has ended
              1 a socket cannot be opened, or another astd is running there
              64 wrong usage
              66 no usable model or adapter
              69 the file or standard input cannot be read, or not to its end
              74 a file of the model was truncated in use
              78 invalid configuration
            """)

    @OptionGroup var settingsArguments: SettingsArguments

    @Flag(help: "Print the effective settings and where each comes from, then exit; 78 when one is invalid.")
    var checkConfig = false

    @Option(
        help:
            "Capture from pulse, pulse:NAME (a glob over names and descriptions), file:PATH, stdin (a WAV, W64, AIFF, AU or CAF stream, or samples without a header: 16 kHz, mono, s16le, unless stdin:rate=44100,channels=2,format=s24le says otherwise; also s32le, f32le, u8, mulaw, alaw), pipe:PATH[?rate=44100&channels=2&format=s24le] (a named pipe or Unix socket whose writers come and go) or command:PROGRAM ARGUMENTS (its output is audio; started again when it ends). Default: pulse"
    )
    var source: String?

    @Option(
        help:
            "Classify the mean of a live source's channels (mix), one of them (left, right, or a number from 1), the one that is loudest now (loudest), or each by itself (each, or each:N for N channels instead of 2). Default: mix"
    )
    var channel: String?

    @Option(
        parsing: .unconditional,  // -6 is a value, not an option.
        help: "Amplify the sound of a live source by this many decibels.")
    var gainDb: String?

    @Option(
        help:
            "Filter out what is below this frequency in the sound of a live source, such as hum and wind: 1 to 4000 Hz, 3 dB at that frequency, 12 dB more per octave below. Default: no filter"
    )
    var highPassHz: String?

    @OptionGroup var modelArguments: ModelArguments

    @Option(
        help:
            "Offer the adapters in this directory, one subdirectory each, to `astctl adapter use`; read again on reload. Default: $ASTD_ADAPTERS_DIR, /var/lib/astd/adapters"
    )
    var adaptersDir: String?

    @OptionGroup var windowArguments: WindowArguments

    @Option(
        parsing: .unconditional,  // -60 is a value, not an option.
        help:
            "Do not classify windows that stay below this level, in dB relative to full scale (such as -60); they are reported at once, without labels. Default: classify all."
    )
    var gate: String?

    @Flag(help: "Read a file as fast as possible instead of in real time.")
    var fast = false

    @Flag(help: "Start reading a file or standard input when the first client subscribes.")
    var waitForSubscriber = false

    @Option(
        help:
            "Create the sockets in this directory. Default: $ASTD_RUNTIME_DIR, $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/astd, /run/astd"
    )
    var runtimeDir: String?

    @Option(
        help:
            "Keep a pause over restarts in this directory. Default: $ASTD_STATE_DIR, $STATE_DIRECTORY, $XDG_STATE_HOME/astd, ~/.local/state/astd"
    )
    var stateDir: String?

    func run() async throws {
        let sources = try settingsArguments.sources(
            readsStandardFile: true, flags: flags())
        let loaded = try sources.loadOrFail("run")
        if checkConfig {
            return print(loaded.text(resolving: loaded.settings.resolutions()), terminator: "")
        }
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

    func flags() -> [String: [String]] {
        let named = [
            "source": source, "channel": channel, "gain_db": gainDb, "high_pass_hz": highPassHz,
            "adapters_dir": adaptersDir, "gate": gate, "runtime_dir": runtimeDir, "state_dir": stateDir,
            "fast": fast ? "true" : nil, "wait_for_subscriber": waitForSubscriber ? "true" : nil,
        ]
        return named.compactMapValues { $0.map { [$0] } }
            .merging(modelArguments.flags) { first, _ in first }
            .merging(windowArguments.flags) { first, _ in first }
    }

    private func options(_ settings: DaemonSettings, _ sources: SettingsSources) throws -> DaemonOptions {
        DaemonOptions(
            recognizer: try settings.recognizerOptions(historyFrames: settings.hopFrames),
            adaptersDirectory: StandardPaths().adapters(named: settings.adaptersDir),
            runtimeDirectory: StandardPaths().runtimeDirectory(named: settings.runtimeDir),
            stateDirectory: StandardPaths().state(named: settings.stateDir),
            settings: settings, settingsSources: sources)
    }
}
