import ArgumentParser
import DaemonClient
import Glibc
import Wire
import SystemSupport

/// The command line of astctl: parses it, runs the command, and reports a failure as one line and an exit
/// code.
@main
struct Astctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "astctl",
        abstract: "Control a running astd, the daemon that classifies live audio.",
        usage:
            "astctl [status|watch|top|classify|explain|labels|sources|adapter|pause|resume|reload|metrics] [OPTIONS]",
        discussion: """
            Without a command, astctl shows the status.

            EXAMPLES
              astctl                               show the status
              astctl watch                         show live scores, redrawn in place
              astctl watch --min-score 0.5 | jq .  print records as JSON lines
              astctl watch --labels Dog,Siren      show two labels, whatever their rank
              astctl top                           show a table of all labels
              astctl classify street.wav           classify a file beside the live stream
              astctl pause                         stop capturing until `astctl resume`
              astctl explain Siren                 explain why a label is (not) reported
              astctl adapter use birds             switch to another LoRA adapter
              astctl status --json | jq .memory    print one part of the status
              astctl --socket /tmp/a/astd.sock     connect to a daemon of your own

            EXIT STATUS
              0      success
              1      the request failed
              2, 64  usage error
              3      no daemon answers
              4      timeout

            Times in texts for people are in the local time zone; times in JSON end in Z (UTC).
            """,
        version: BuildVersion.text("astctl", astdVersion),
        subcommands: [
            StatusCommand.self, WatchCommand.self, TopCommand.self, ClassifyCommand.self, LabelsCommand.self,
            SourcesCommand.self,
            AdapterCommand.self, ReloadCommand.self, ExplainCommand.self, PauseCommand.self,
            ResumeCommand.self, MetricsCommand.self,
        ],
        defaultSubcommand: StatusCommand.self)

    static func main() {
        StandardDescriptors.occupy()
        signal(SIGPIPE, SIG_IGN)
        do {
            let arguments = PathText.arguments
            if let problem = OptionValues.fileLikeOptions(arguments) ?? VerbOrder.unknownVerb(arguments) {
                throw CommandFailure.usage(problem)
            }
            var command = try parseAsRoot(VerbOrder.verbsFirst(OptionValues.joined(arguments)))
            try command.run()
        } catch let failure as CommandFailure {
            end(failure)
        } catch let failure as ClientFailure {
            end(.daemon(failure))
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch is OutputClosed {
            // The reader has closed the pipe: `astctl watch | head -1`.
            Glibc.exit(0)
        } catch {
            if exitCode(for: error).isSuccess { exit(withError: error) }
            end(.usage(message(for: error)))
        }
    }

    private static func end(_ failure: CommandFailure) -> Never {
        try? Output.standardError.write("astctl: \(Text.printableLines("\(failure)"))\n")
        Glibc.exit(failure.exitCode)
    }
}
