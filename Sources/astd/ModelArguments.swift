internal import ArgumentParser
internal import Detection
internal import Inference
internal import Recognizer
private import SystemSupport

/// The options that every command with a model has.
struct ModelArguments: ParsableArguments {
    @Option(
        help: "Model directory. Default: $ASTD_MODEL, models/default, /var/lib/astd/..., /usr/share/astd/...")
    var model: String?

    @Option(
        help: "LoRA adapter directory (PEFT) to merge into the model. Several: each classifies for itself.")
    var adapter: [String] = []

    @Option(help: "Threads of the forward pass. Default: all processors.")
    var threads: Int?

    @Option(
        help:
            "Arithmetic of the layers' products: fp32 (exact), bf16 (twice as fast), int8 (three times as fast, off by a few hundredths of a logit), or auto (the default): int8 where the processor has fast instructions for it and they pass a check at the start, else fp32."
    )
    var precision: PrecisionArgument?

    @Option(
        help:
            "Where packed weights are kept from one start to the next. Default: $ASTD_CACHE_DIR, $CACHE_DIRECTORY, ~/.cache/astd."
    )
    var cacheDir: String?

    @Flag(name: .customLong("no-cache"), help: "Pack weights at every start and keep them nowhere.")
    var hasNoCache = false

    enum PrecisionArgument: String, ExpressibleByArgument, CaseIterable {
        case fp32, bf16, int8, auto

        /// What it means on this machine.
        var precision: Precision { Precision(rawValue: rawValue) ?? SelfTest.fastestThatHolds() }
    }

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads is \(threads): give 1 to 256")
        }
        if let asked = precision.flatMap({ Precision(rawValue: $0.rawValue) }), !asked.isFast {
            throw ValidationError(
                "--precision \(asked.rawValue): this processor has no instructions for it: give fp32")
        }
    }

    /// What to load; ends the program when there is no model anywhere.
    ///
    /// - Parameter hopFrames: How far a live stream may be ahead of the window that is classified.
    func recognizerOptions(activation: Activation?, hopFrames: Int = 0) throws -> RecognizerOptions {
        guard let directory = ModelLocator.find(explicit: model) else { throw Failure.noModelAnywhere() }
        return RecognizerOptions(
            model: directory, adapters: adapter, threads: threadCount,
            precision: (precision ?? .auto).precision,
            cacheDirectory: hasNoCache ? nil : CacheLocator.find(explicit: cacheDir), activation: activation,
            historyFrames: hopFrames)
    }

    private var threadCount: Int { threads ?? Processors.usableCount }

    /// Loads the model, or ends the program with the reason.
    func load(activation: Activation?) throws -> WindowScorer {
        try WindowScorer.load(recognizerOptions(activation: activation))
    }

    /// As settings, by key.
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

extension WindowScorer {
    /// Loads the model, or ends the program with the reason.
    static func load(_ options: RecognizerOptions) throws -> WindowScorer {
        do throws(ModelError) { return try WindowScorer(options) } catch { throw Failure.model(error) }
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

/// `auto` or one of the activations.
enum ActivationArgument: String, ExpressibleByArgument, CaseIterable {
    case auto, softmax, sigmoid, none

    var activation: Activation? { Activation(rawValue: rawValue) }
}

/// `all` or a number.
enum TopArgument: ExpressibleByArgument, Equatable {
    case all
    case count(Int)

    init?(argument: String) {
        if argument == "all" {
            self = .all
        } else if let count = Int(argument), count >= 1 {
            self = .count(count)
        } else {
            return nil
        }
    }

    var limit: Int? { if case .count(let count) = self { count } else { nil } }

    var defaultValueDescription: String { limit.map(String.init) ?? "all" }
}
