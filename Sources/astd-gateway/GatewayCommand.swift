internal import ArgumentParser
internal import Glibc
internal import SystemSupport
internal import Wire

/// The command line of astd-gateway. Every failure becomes one line on standard error and an exit code.
@main
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "astd-gateway",
        abstract: "Keep what astd recognises, and pass it on.",
        discussion: """
            A client of one or several running astd: it keeps their events in a database, publishes \
            them by MQTT, and runs programs or sends requests for those that you choose.

            EXAMPLES
              astd-gateway run --config gateway.yaml       run until SIGTERM
              astd-gateway run --check-config              the settings in force
              astd-gateway events --since 24h              list the events of a day
              astd-gateway summary --since 7d              count them per label and day
              astd-gateway review ID --right               say whether an event is right
              astd-gateway export --reviewed FOLDER        write the clips of reviewed events for training
              astd-gateway notify --test                   try the notifications

            EXIT STATUS
              0   success
              1   the history cannot be opened, an event is unknown, a clip or a notification failed
              64  usage error
              78  invalid configuration
            """,
        version: BuildVersion.text("astd-gateway", astdVersion),
        subcommands: [
            RunCommand.self, EventsCommand.self, SummaryCommand.self, ReviewCommand.self, ExportCommand.self,
            NotifyCommand.self,
        ])

    static func main() {
        StandardDescriptors.occupy()
        signal(SIGPIPE, SIG_IGN)
        do {
            if let problem = OptionValues.fileLikeOptions(PathText.arguments) { throw Failure.usage(problem) }
            var command = try parseAsRoot(OptionValues.joined(PathText.arguments))
            try command.run()
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            if exitCode(for: error).isSuccess { exit(withError: error) }
            Failure.warn("\(message(for: error)) (see `astd-gateway --help`)")
            Glibc.exit(EX_USAGE)
        }
    }
}
