internal import ArgumentParser
internal import Glibc
internal import Inference
internal import Wire
private import SystemSupport

/// The command line of astd. Every failure becomes one line on standard error and an exit code.
@main
struct AstdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "astd",
        abstract: "Recognise sounds with an Audio Spectrogram Transformer.",
        discussion: """
            EXAMPLES
              astd run                                   classify the default microphone
              astd run --source 'pulse:*USB*' --hop 0.5  another microphone, every 0.5 s
              astd classify recordings/ --top-k 3        classify files
              astctl watch                               watch what a daemon recognises

            EXIT STATUS
              0   success
              1   some files failed, or a socket cannot be opened
              64  usage error
              66  no usable model
              69  the file or standard input cannot be read, or not to its end
              74  the model's file was truncated in use
              78  invalid configuration
              128 + N  ended by signal N (130: Ctrl-C, 143: SIGTERM; `astd run`: 0)
            """,
        version: BuildVersion.text("astd", astdVersion),
        subcommands: [
            Run.self, Classify.self, Embed.self, Inspect.self, Features.self, Spectrogram.self, Bench.self,
            Selftest.self, Pull.self,
        ])

    static func main() async {
        StandardDescriptors.occupy()
        // Writing to a closed pipe returns an error instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        TruncatedMapping.endWithReason()
        // The help of the command that runs, whose errors do not say which one it is.
        var help: String?
        do {
            if let problem = KernelLevel.problem ?? BLASLibrary.problem { throw Failure.usage(problem) }
            if let problem = OptionValues.fileLikeOptions(PathText.arguments) { throw Failure.usage(problem) }
            var command = try parseAsRoot(OptionValues.joined(PathText.arguments))
            help = "astd \(String(describing: type(of: command)).lowercased()) --help"
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            if exitCode(for: error).isSuccess { exit(withError: error) }
            let named = fullMessage(for: error).firstMatch(of: /'(astd [a-z ]*--help)'/)?.1
            let advice = help ?? named.map(String.init) ?? "astd --help"
            // The parser lists the values of an option in lines.
            let reason = message(for: error).replacing(":\n  - ", with: ": ").replacing("\n  - ", with: ", ")
            Failure.warn("\(reason.hasSuffix(".") ? String(reason.dropLast()) : reason) (see `\(advice)`)")
            Glibc.exit(EX_USAGE)
        }
    }
}
