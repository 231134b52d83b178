internal import ArgumentParser
internal import Inference
internal import Recognizer
private import SystemSupport
private import Wire

/// The options of every command that loads a model.
struct ModelArguments: ParsableArguments {
    @Option(
        help:
            "Load the model from this directory, or the one of this name that `astd pull` downloaded. Default: $ASTD_MODEL, models/default, /var/lib/astd/..., /usr/share/astd/..."
    )
    var model: String?

    @Option(
        help:
            "Merge the adapter in this directory, or of this name, (LoRA, as PEFT saves it) into the model. With several, each window is classified with each."
    )
    var adapter: [String] = []

    @Option(help: "Use this number of threads for the forward pass. Default: all processors.")
    var threads: Int?

    @Option(
        help:
            "Set the precision of the matrix products: fp32 (exact), bf16 (twice as fast), int8 (three times as fast, off by a few hundredths of a logit), or auto (the default, except in `astd embed`): int8 where the processor has fast instructions for it and they agree with fp32 on this model, else fp32."
    )
    var precision: PrecisionArgument?

    @Option(
        help:
            "Keep packed weights in this directory between starts. Default: $ASTD_CACHE_DIR, $CACHE_DIRECTORY, ~/.cache/astd."
    )
    var cacheDir: String?

    @Flag(name: .customLong("no-cache"), help: "Pack the weights at every start and do not store them.")
    var hasNoCache = false

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads is \(threads): give 1 to 256")
        }
        if let precision = precision?.precision, !precision.isFast {
            throw ValidationError(
                "--precision \(precision.rawValue): this processor has no instructions for it: give fp32")
        }
    }

    /// What to load; ends the program when there is no model.
    func recognizerOptions(activation: Activation?) throws -> RecognizerOptions {
        try RecognizerOptions(
            model: model, adapters: adapter, threads: threads, precision: precision?.precision,
            cacheDir: cacheDir, noCache: hasNoCache, activation: activation)
    }

    /// Loads the model, or ends the program with the reason.
    func load(activation: Activation?) throws -> WindowScorer {
        try WindowScorer.load(recognizerOptions(activation: activation))
    }

    /// The values that were given, by the keys of the settings.
    var flags: [String: [String]] {
        let named = [
            "model": model, "threads": threads.map(String.init), "precision": precision?.rawValue,
            "cache_dir": cacheDir, "no_cache": hasNoCache ? "true" : nil,
        ]
        var flags = named.compactMapValues { $0.map { [$0] } }
        if !adapter.isEmpty { flags["adapter"] = adapter }
        return flags
    }
}

/// A number of seconds, or `auto`.
enum HopArgument: ExpressibleByArgument {
    case auto
    case seconds(Double)

    init?(argument: String) {
        if argument == "auto" {
            self = .auto
        } else if let seconds = Double(argument) {
            self = .seconds(seconds)
        } else {
            return nil
        }
    }

    var text: String {
        switch self {
        case .auto: "auto"
        case .seconds(let seconds): "\(seconds)"
        }
    }
}

/// The options that say how sound is cut into windows and scored.
struct WindowArguments: ParsableArguments {
    @Option(
        help:
            "Start a window every this many seconds, in steps of 0.01, or auto (`astd run`: as often as the machine can). Default: 1 for `astd run` and for events, otherwise the window's length."
    )
    var hop: HopArgument?

    @Option(
        help:
            "Turn logits into scores with softmax or sigmoid, or output the logits (none). Default: auto, as the model's configuration says."
    )
    var activation: ActivationArgument?

    func validate() throws {
        if case .seconds(let seconds) = hop, !HopRange.contains(seconds) {
            throw ValidationError("--hop is \(seconds): give \(HopRange.text)")
        }
    }

    /// For commands on files: each window is awaited, so that the hop has nothing to follow.
    func requireFixedHop() throws {
        if case .auto = hop { throw ValidationError("--hop auto follows a live stream: give seconds") }
    }

    /// ``hop`` in frames of 10 ms; `nil`: not given, or `auto`.
    var hopFrames: Int? {
        guard case .seconds(let seconds) = hop else { return nil }
        return Int((seconds * 100).rounded())
    }

    /// The values that were given, by the keys of the settings.
    var flags: [String: [String]] {
        ["hop": hop.map(\.text), "activation": activation?.rawValue].compactMapValues { $0.map { [$0] } }
    }
}

/// The options that say which parts of a file are classified.
struct FileArguments: ParsableArguments {
    @Option(
        help:
            "Classify the mean of all channels (mix), one of them (left, right, or a number from 1), or each by itself (each)."
    )
    var channel = ChannelChoice.mix

    @Option(
        help:
            "Let the last window end with the file (end), or start one hop after its predecessor, padded (padded)."
    )
    var lastWindow: LastWindow = .end

    @Option(
        help:
            "Leave out a last window that would add fewer seconds than this. A file's first window always remains."
    )
    var minWindow = 0.0

    func validate() throws {
        if !(minWindow >= 0 && minWindow <= 600) {
            throw ValidationError("--min-window is \(minWindow): give 0 to 600 seconds")
        }
    }

    /// Which windows a file has.
    func rule(hopFrames: Int?) -> WindowRule {
        WindowRule(
            hopFrames: hopFrames, lastWindow: lastWindow, minimumFrames: Int((minWindow * 100).rounded()),
            channels: channel)
    }
}

extension RecognizerOptions {
    /// Replaces what is not set by this machine's defaults; ends the program when there is no model.
    ///
    /// - Parameters:
    ///   - precision: `nil` chooses int8 if its kernels are fast and correct, else fp32, and compares each
    ///     int8 network with fp32.
    ///   - historyFrames: How far a live stream may be ahead of the window that is classified.
    init(
        model: String?, adapters: [String], threads: Int?, precision: Precision?, cacheDir: String?,
        noCache: Bool, activation: Activation?, historyFrames: Int = 0
    ) throws {
        guard let directory = StandardPaths().model(named: model) else { throw Failure.noModelAnywhere() }
        self.init(
            model: directory, adapters: adapters.map(StandardPaths().adapter(named:)),
            threads: threads ?? Processors.usableCount,
            precision: precision ?? SelfTest.fastestThatHolds(), checksPrecision: precision == nil,
            cacheDirectory: noCache ? nil : StandardPaths().cache(named: cacheDir), activation: activation,
            historyFrames: historyFrames)
    }
}

extension WindowScorer {
    /// Loads the model, or ends the program with the reason.
    static func load(_ options: RecognizerOptions) throws -> WindowScorer {
        do throws(ModelError) {
            let scorer = try WindowScorer(options)
            for note in scorer.notes { Failure.warn("\(options.model): \(note)") }
            for warning in scorer.variants.flatMap(\.warnings) { Failure.warn(warning) }
            return scorer
        } catch {
            throw Failure.model(error)
        }
    }

    /// Uses a loaded model once more, or ends the program with the reason.
    static func make(_ variants: [Variant], threads: Int) throws -> WindowScorer {
        do throws(ModelError) {
            return try WindowScorer(variants, threads: threads)
        } catch {
            throw Failure.model(error)
        }
    }
}
