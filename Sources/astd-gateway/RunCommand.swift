internal import ArgumentParser
internal import Gateway
internal import Logging
internal import Settings
internal import SystemSupport
internal import Systemd

/// The options of every command.
struct SettingsArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read settings from this YAML file. Default: $ASTD_GATEWAY_CONFIG, /etc/astd/gateway.yaml",
            valueName: "file"))
    var config: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a setting, such as history.days=30.", valueName: "name=value"))
    var assignments: [String] = []

    /// Loads the settings, or ends the program with all errors.
    func load() throws -> LoadedGatewaySettings {
        var values: [String: String] = [:]
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "="), equals > assignment.startIndex else {
                throw ValidationError("--set \(assignment): give name=value")
            }
            values[String(assignment[..<equals])] = String(assignment[assignment.index(after: equals)...])
        }
        let sources = GatewaySettingsSources(
            file: config, environment: Environment.process.all, assignments: values)
        do throws(SettingsRefusal) { return try sources.load() } catch { throw Failure.settings(error) }
    }
}

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Follow the daemons until SIGTERM or SIGINT.",
        discussion: """
            A daemon that is not running is awaited; one that was restarted is continued without a lost or doubled event, \
            as far as it still holds its records.

            EXAMPLE
              astd-gateway run --config gateway.yaml
            """)

    @OptionGroup var settingsArguments: SettingsArguments

    @Flag(help: "Print the effective settings and where each comes from, then exit; 78 when one is invalid.")
    var checkConfig = false

    func run() throws {
        let loaded = try settingsArguments.load()
        do throws(SettingsRefusal) { try loaded.checkFiles(isTrial: checkConfig) } catch {
            throw Failure.settings(error)
        }
        if checkConfig {
            let output = TextOutput()
            output.bytes(loaded.text.utf8)
            return try output.finish()
        }
        var logger = Logger(label: "astd-gateway") { label -> any LogHandler in
            if JournalLogHandler.isConnected { return JournalLogHandler() }
            return StreamLogHandler.standardError(label: label)
        }
        logger.logLevel = .info
        do throws(GatewayError) {
            try Gateway(loaded.settings, logger: logger).run()
        } catch {
            throw Failure.general(error.description)
        }
    }
}
