internal import ArgumentParser
internal import Batch
internal import Inference
internal import Recognizer
internal import SystemSupport
internal import TextSupport

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the properties of a model or an adapter, or what is wrong with it.",
        discussion: """
            EXAMPLES
              astd inspect models/default
              astd inspect my-lora --model ast-audioset   does the adapter fit that model?
              astd inspect my-lora --json | jq .targets
            """)

    @Argument(help: "Inspect the model or adapter in this directory, or of this name.")
    var directory: String

    @Option(help: "Check that the adapter fits this model.")
    var model: String?

    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    func run() throws {
        do throws(ModelError) {
            let inspection = try inspection(StandardPaths().adapter(named: directory))
            print(json ? inspection.json : inspection.text)
        } catch {
            if json {
                let text = JSONText { json in
                    json.object { json in
                        json.member("path", directory)
                        json.member("error", error.description)
                    }
                }
                print(String(decoding: text.bytes, as: UTF8.self))
            }
            throw Failure.noModel(error.description)
        }
    }

    /// Whether the directory holds an adapter, rather than a model. With neither, what is missing depends on
    /// whether a model to compare with was named.
    private func isAdapter(_ directory: String) -> Bool {
        AdapterFolder.isAdapter(directory)
            || !AdapterFolder.isModel(directory)
                && (model != nil || AdapterFolder.hasWeights(directory)
                    || !AdapterFolder.adapters(in: directory).isEmpty)
    }

    private func inspection(_ directory: String) throws(ModelError) -> any Inspection {
        isAdapter(directory)
            ? try AdapterInspection(directory: directory, model.map(Self.options))
            : try ModelInspection(Self.options(model: directory))
    }

    /// As `astd classify` would compute the model.
    private static func options(model: String) -> RecognizerOptions {
        RecognizerOptions(
            model: StandardPaths().model(named: model) ?? model, threads: Processors.usableCount,
            precision: SelfTest.fastestThatHolds(),
            checksPrecision: true, cacheDirectory: StandardPaths().cache(named: nil))
    }
}
