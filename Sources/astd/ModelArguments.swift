internal import ArgumentParser
internal import Detection
internal import Inference
internal import Recognizer

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
            "Arithmetic of the weights' products: fp32 (exact), int8 (two to three times as fast, off by a few hundredths of a logit), or auto, which is fp32."
    )
    var precision: PrecisionArgument = .auto

    enum PrecisionArgument: String, ExpressibleByArgument, CaseIterable {
        case fp32, int8, auto

        var precision: Precision { Precision(rawValue: rawValue) ?? .fp32 }
    }

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads is \(threads): give 1 to 256")
        }
        guard precision.precision.isFast else {
            throw ValidationError("--precision int8: this processor has no instructions for it: give fp32")
        }
    }

    /// What to load; ends the program when there is no model anywhere.
    ///
    /// - Parameter hopFrames: How far a live stream may be ahead of the window that is classified.
    func recognizerOptions(activation: Activation?, hopFrames: Int = 0) throws -> RecognizerOptions {
        guard let directory = ModelLocator.find(explicit: model) else {
            let places = ModelLocator.standardPlaces.joined(separator: ", ")
            throw Failure.noModel("no model in \(places): name one with --model or $ASTD_MODEL")
        }
        return RecognizerOptions(
            model: directory, adapters: adapter, threads: threadCount,
            precision: precision.precision, activation: activation, historyFrames: hopFrames)
    }

    var threadCount: Int { threads ?? Processors.usableCount }

    /// Loads the model, or ends the program with the reason.
    ///
    /// - Parameter threads: Of the forward pass; `nil`: all that were asked for.
    func load(activation: Activation?, threads: Int? = nil) throws -> Recognizer {
        var options = try recognizerOptions(activation: activation)
        options.threads = threads ?? options.threads
        do throws(ModelError) {
            return try Recognizer(options)
        } catch {
            throw Failure.noModel(error.description)
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
