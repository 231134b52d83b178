internal import DaemonClient
import TextSupport
import ArgumentParser
import Wire

struct ClassifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify",
        abstract: "Classify a file with the daemon's active model, in parallel with the live stream.",
        discussion: """
            astctl opens the file and passes it to the daemon, which needs no permission to read it; a pipe is \
            first copied to a temporary file in $TMPDIR. Prints one line per window: text on a terminal, JSON in a \
            pipe, as `astd classify` does.

            EXAMPLES
              astctl classify street.wav
              astctl classify street.wav --hop 1 --top-k 1
              astctl classify street.wav | jq -r '.labels[0].label'
              ffmpeg -i video.mp4 -f wav - | astctl classify -
            """)

    @Argument(help: "Audio file to classify, or - for audio on standard input.")
    var file: String

    @Option(help: ArgumentHelp("Maximum number of labels per window.", valueName: "n"))
    var topK = 5

    @Option(help: ArgumentHelp("Omit labels with a lower score.", valueName: "score"))
    var minScore: Float?

    @Option(
        help: ArgumentHelp(
            "Distance from one window to the next. Default: the length of a window.", valueName: "seconds"))
    var hop: Double?

    @Option(
        help: ArgumentHelp("Channel to classify, counted from 1. Default: the mean of all.", valueName: "n"))
    var channel: Int?

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        if topK < 1 { throw ValidationError("--top-k must be 1 or more") }
        if let channel, channel < 1 { throw ValidationError("--channel must be 1 or more") }
        if let minScore, !minScore.isFinite {
            throw ValidationError("--min-score must be between -3.4e38 and 3.4e38")
        }
        if let hop, !HopRange.contains(hop) { throw ValidationError("--hop must be \(HopRange.text)") }
    }

    func run() throws {
        let input = try InputFile(path: file)
        let client = try connection.connect()
        let parameters = ClassifyParameters(
            name: input.name, topK: topK, minScore: minScore, hop: hop, channel: channel)
        let isText = Output.standard.isTerminal
        let reply = try client.classify(input.descriptor, parameters) { record in
            try Output.standard.write(isText ? Text.printable(record.sentence) + "\n" : record.text)
        }
        if let warning = reply.warning {
            try Output.standardError.write("astctl: \(Text.printable(warning))\n")
        }
    }
}

extension BatchRecord {
    fileprivate var text: String { String(decoding: encoded(), as: UTF8.self) }
}
