internal import ArgumentParser
internal import Batch
internal import Recognizer

struct Spectrogram: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw a file's spectrogram and its labels over time as PNG.",
        discussion: """
            Frequencies are on the model's mel scale, from 20 Hz to 8 kHz; a long file is drawn with at most 1200 \
            columns. Below it are the labels with the highest scores, one bar per window. Where windows overlap, each is \
            drawn over the part that is nearest to its middle.

            EXAMPLE
              astd spectrogram street.wav --output street.png --hop 1
            """)

    @Argument(help: "Draw this audio file, or - for standard input.")
    var file: String

    @Option(help: "Write this PNG file.")
    var output: String

    @OptionGroup var modelArguments: ModelArguments

    @OptionGroup var windowArguments: WindowArguments

    @OptionGroup var fileArguments: FileArguments

    func validate() throws {
        try windowArguments.requireFixedHop()
        try requireEnding(of: output, [".png"], option: "--output", "a picture in PNG format")
        if fileArguments.channel == .each {
            throw ValidationError("--channel each makes several pictures: choose one channel, or mix")
        }
    }

    func run() throws {
        let classifier = FileClassifier(
            try modelArguments.load(activation: windowArguments.activation?.activation), topK: 8,
            minimumScore: nil, fileArguments.rule(hopFrames: windowArguments.hopFrames))
        let png: [UInt8]
        do throws(FileClassifier.Failure) {
            png = try SpectrogramPicture.png(of: file, classifier)
        } catch {
            throw Failure.general(error.message)
        }
        do throws(WriteError) {
            try OutputFile.write(png, to: output)
        } catch {
            throw Failure.general(error.reason)
        }
    }
}
