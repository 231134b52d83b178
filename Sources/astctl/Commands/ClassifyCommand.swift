internal import TextSupport
import ArgumentParser
import Glibc
import Wire

struct ClassifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify",
        abstract: "Have the daemon classify a file with what it has loaded, beside its listening.",
        discussion: """
            astctl opens the file and passes it on: the daemon needs no right to read it. On a terminal a line a window; in a
            pipe a JSON object a line, as `astd classify` prints them.

            EXAMPLES
              astctl classify street.wav
              astctl classify street.wav --hop 1 --top-k 1
              astctl classify street.wav | jq -r '.labels[0].label'
            """)

    @Argument(help: "An audio file.")
    var file: String

    @Option(help: ArgumentHelp("Most labels a window.", valueName: "n"))
    var topK = 5

    @Option(help: ArgumentHelp("Leave out labels that score less.", valueName: "score"))
    var minScore: Float?

    @Option(
        help: ArgumentHelp(
            "From one window to the next. Default: the window's length.", valueName: "seconds"))
    var hop: Double?

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        if topK < 1 { throw ValidationError("--top-k must be 1 or more") }
        if let minScore, !minScore.isFinite { throw ValidationError("--min-score must be a number") }
        if let hop, !(0.01...600).contains(hop) {
            throw ValidationError("--hop must be 0.01 to 600 seconds")
        }
    }

    func run() throws {
        // Without waiting: a pipe without a writer is refused by the daemon like every pipe.
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            throw CommandFailure.file(path: file, code: errno)
        }
        defer { close(descriptor) }
        let client = try connection.connect()
        let parameters = ClassifyParameters(name: file, topK: topK, minScore: minScore, hop: hop)
        let isText = Output.standard.isTerminal
        try client.classify(descriptor, parameters) { record in
            try Output.standard.write(isText ? Text.printable(record.sentence) + "\n" : record.text)
        }
    }
}

extension BatchRecord {
    fileprivate var text: String { String(decoding: encoded(), as: UTF8.self) }
}
