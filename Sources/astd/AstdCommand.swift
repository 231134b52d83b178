internal import ArgumentParser
internal import Glibc
internal import Inference
internal import Wire

/// The command line of astd: parses, runs, and turns every failure into one line and an exit code.
@main
struct AstdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "astd",
        abstract: "Recognises sounds with an Audio Spectrogram Transformer.",
        discussion: """
            EXAMPLES
              astd run                                    listen to the default microphone
              astd run --source 'pulse:*USB*' --hop 0.5   another microphone, twice a second
              astd classify recordings/ --top-k 3         label files
              astctl watch                                see what a running daemon hears

            EXIT STATUS
              0 done, 1 some files failed or no socket, 64 wrong usage, 66 no usable model,
              69 a file that cannot be heard, 74 the model's file was truncated in use, 78 wrong configuration
            """,
        version: "astd \(astdVersion)",
        subcommands: [
            Run.self, Classify.self, Inspect.self, Features.self, Spectrogram.self, Bench.self, Selftest.self,
        ])

    static func main() async {
        // A closed pipe is an error like any other, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        TruncatedFile.endWithReason()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            if exitCode(for: error).isSuccess { exit(withError: error) }
            let help = fullMessage(for: error).firstMatch(of: /'(astd [a-z ]*--help)'/)?.1 ?? "astd --help"
            let reason = message(for: error)
            Failure.warn("\(reason.hasSuffix(".") ? String(reason.dropLast()) : reason) (see `\(help)`)")
            Glibc.exit(EX_USAGE)
        }
    }
}
