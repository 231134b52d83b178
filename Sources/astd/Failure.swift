private import SystemSupport
private import Glibc
internal import ArgumentParser
internal import Daemon
internal import Inference
private import Recognizer
internal import Settings
internal import Systemd

/// The ways in which a command fails: one line on standard error, and an exit code.
enum Failure {
    /// Some files could not be classified; each error was printed when it occurred.
    static let someFilesFailed = ExitCode(1)

    /// EX_NOINPUT: the model is missing or cannot be used.
    static func noModel(_ reason: String) -> ExitCode { fail(reason, ExitCode(66)) }

    /// A model that cannot be used, or a forward pass whose threads cannot be started.
    static func model(_ error: ModelError) -> ExitCode {
        if case .thread = error { general(error.description) } else { noModel(error.description) }
    }

    static func noModelAnywhere() -> ExitCode {
        let places = StandardPaths.models.joined(separator: ", ")
        return noModel("no model in \(places): name one with --model or $ASTD_MODEL")
    }

    static func daemon(_ error: DaemonError) -> ExitCode {
        switch error {
        case .sockets, .thread, .model(.thread): fail(error.description, ExitCode(1))
        case .model, .adapter, .brokenModel: fail(error.description, ExitCode(66))
        case .settings(let problems): groups(problems)
        // EX_UNAVAILABLE: the source cannot be opened.
        case .source: fail(error.description, ExitCode(69))
        }
    }

    /// A line for each problem. EX_CONFIG, or EX_USAGE when only the command line is at fault.
    static func settings(_ refusal: SettingsRefusal, _ command: String) -> ExitCode {
        for problem in refusal.problems {
            let advice = if case .flag = problem.origin { " (see `astd \(command) --help`)" } else { "" }
            warn(problem.description + advice)
        }
        return ExitCode(refusal.isUsage ? 64 : 78)
    }

    /// Groups of labels that the model does not have, a line for each problem. EX_CONFIG.
    static func groups(_ problems: [String]) -> ExitCode {
        for problem in problems { warn(problem) }
        return ExitCode(78)
    }

    /// EX_USAGE.
    static func usage(_ reason: String) -> ExitCode { fail(reason, ExitCode(64)) }

    static func general(_ reason: String) -> ExitCode { fail(reason, ExitCode(1)) }

    /// Prints one line on standard error, with the priority of an error where that is the systemd journal.
    static func warn(_ text: String) {
        let line = Array(
            "\(JournalLogHandler.isConnected ? "<3>" : "astd: ")\(PathText.printable(text))\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func fail(_ reason: String, _ code: ExitCode) -> ExitCode {
        warn(reason)
        return code
    }
}
