internal import ArgumentParser
internal import Batch
internal import Frontend
internal import Inference
internal import Recognizer

struct Features: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the normalised features of a file's first window as NPY.",
        discussion: """
            The array is float32, [frames, mels]: the model's input, as transformers' ASTFeatureExtractor returns it \
            for the same samples.

            EXAMPLE
              astd features dog.wav --output dog.npy
            """)

    @Argument(help: "Read this audio file, or - for standard input.")
    var file: String

    @Option(help: "Write this NPY file.")
    var output: String

    @Option(help: "Read the mean of all channels (mix), or one of them (left, right, or a number from 1).")
    var channel = ChannelChoice.mix

    @OptionGroup var modelArguments: ModelArguments

    func validate() throws {
        try requireEnding(of: output, [".npy"], option: "--output", "an array in NPY format")
        if channel == .each {
            throw ValidationError("--channel each makes several arrays: choose one channel, or mix")
        }
    }

    func run() throws {
        let scorer = try modelArguments.load(activation: nil)
        let classifier = FileClassifier(scorer, topK: nil, minimumScore: nil, WindowRule(channels: channel))
        let features: [Float]
        do throws(FileClassifier.Failure) {
            features = try classifier.firstFeatures(path: file)
        } catch {
            throw Failure.general(error.message)
        }
        let mels = scorer.variants[0].frontend.melBins
        do throws(WriteError) {
            try NumpyArray(values: features, shape: [features.count / mels, mels]).write(to: output)
        } catch {
            throw Failure.general(error.reason)
        }
    }
}
