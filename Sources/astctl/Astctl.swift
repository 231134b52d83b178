import ArgumentParser
import Glibc
import Wire

/// The command line of astctl: parses, runs, and turns every failure into one line and an exit code.
@main
struct Astctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "astctl",
        abstract: "Talk to a running astd, the daemon that says what it hears.",
        usage:
            "astctl [status|watch|top|classify|explain|labels|sources|adapter|pause|resume|reload|metrics] [OPTIONS]",
        discussion: """
            Without a command it shows the status.

            EXAMPLES
              astctl                                how the daemon is
              astctl watch                          live scores, redrawn in place
              astctl watch --min-score 0.5 | jq .   records as JSON lines
              astctl watch --labels Dog,Siren       two labels, wherever they rank
              astctl top                            a table of all labels, redrawn in place
              astctl classify street.wav            a file, classified beside the listening
              astctl pause                          nothing is recorded until `astctl resume`
              astctl explain Siren                  why it was or was not reported
              astctl adapter use birds              another LoRA adapter from the next window on
              astctl status --json | jq .memory     one part of the status
              astctl --socket /tmp/a/astd.sock      a daemon of your own

            EXIT STATUS
              0 done, 1 the daemon refused, 2 or 64 wrong usage, 3 no daemon, 4 no answer in time
            """,
        version: "astctl \(astdVersion)",
        subcommands: [
            StatusCommand.self, WatchCommand.self, TopCommand.self, ClassifyCommand.self, LabelsCommand.self,
            SourcesCommand.self,
            AdapterCommand.self, ReloadCommand.self, ExplainCommand.self, PauseCommand.self,
            ResumeCommand.self, MetricsCommand.self,
        ],
        defaultSubcommand: StatusCommand.self)

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot(verbFirst(Array(CommandLine.arguments.dropFirst())))
            try command.run()
        } catch let failure as CommandFailure {
            end(failure)
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch is OutputClosed {
            // The reader has what it wanted: `astctl watch | head -1`.
            Glibc.exit(0)
        } catch {
            if exitCode(for: error).isSuccess { exit(withError: error) }
            end(.usage(message(for: error)))
        }
    }

    /// Moves the verb before connection options that were written first: `--socket PATH watch` is
    /// `watch --socket PATH`.
    static func verbFirst(_ arguments: [String]) -> [String] {
        let options = ["--socket", "--timeout"]
        var position = 0
        while position < arguments.count {
            let argument = arguments[position]
            if options.contains(argument) {
                position += 2
            } else if options.contains(where: { argument.hasPrefix($0 + "=") }) {
                position += 1
            } else {
                break
            }
        }
        guard position > 0, position < arguments.count, !arguments[position].hasPrefix("-") else {
            return arguments
        }
        return [arguments[position]] + arguments[..<position] + arguments[(position + 1)...]
    }

    private static func end(_ failure: CommandFailure) -> Never {
        try? Output.standardError.write("astctl: \(failure)\n")
        Glibc.exit(failure.exitCode)
    }
}
