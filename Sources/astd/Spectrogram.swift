internal import ArgumentParser
internal import Batch
internal import Recognizer

struct Spectrogram: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws a file's spectrogram, and its labels over time, as PNG.",
        discussion: """
            Frequencies are on the mel scale that the model hears, from 20 Hz to 8 kHz; a long file is drawn with at \
            most 1200 columns. Below it are the labels with the highest scores, each bar a window.

            EXAMPLE
              astd spectrogram street.wav --output street.png --hop 1
            """)

    @Argument(help: "An audio file, or - for standard input.")
    var file: String

    @Option(help: "The PNG file to write.")
    var output: String

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: "How scores are made: auto, softmax, sigmoid, or none for raw logits.")
    var activation: ActivationArgument = .auto

    @Option(
        help:
            "Seconds from one window's beginning to the next, in steps of 0.01. Default: the window's length."
    )
    var hop: Double?

    func validate() throws {
        if let hop, !(hop >= 0.01 && hop <= 86400) {
            throw ValidationError("--hop is \(hop): give 0.01 to 86400 seconds")
        }
    }

    func run() throws {
        let classifier = FileClassifier(
            try modelArguments.load(activation: activation.activation), topK: 8, minimumScore: nil,
            hopFrames: hop.map { Int(($0 * 100).rounded()) })
        let png: [UInt8]
        do throws(FileClassifier.Failure) {
            png = try SpectrogramPicture.png(of: file, classifier)
        } catch {
            throw Failure.general(error.message)
        }
        do throws(WriteError) {
            let target = try OutputFile(path: output)
            try target.write(png)
            try target.finish()
        } catch {
            throw Failure.general(error.reason)
        }
    }
}
