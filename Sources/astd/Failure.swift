private import Glibc
internal import ArgumentParser
internal import Daemon
internal import Inference
private import Recognizer
internal import Settings

/// Ways in which a command ends without success: one line on standard error, and an exit code.
enum Failure {
    /// Some files could not be classified; each was told when it happened.
    static let someFilesFailed = ExitCode(1)

    /// EX_NOINPUT: no model, or none that can be used.
    static func noModel(_ reason: String) -> ExitCode { tell(reason, ExitCode(66)) }

    /// A model that cannot be used, or a forward pass without its threads.
    static func model(_ error: ModelError) -> ExitCode {
        if case .thread = error { general(error.description) } else { noModel(error.description) }
    }

    static func noModelAnywhere() -> ExitCode {
        let places = ModelLocator.standardPlaces.joined(separator: ", ")
        return noModel("no model in \(places): name one with --model or $ASTD_MODEL")
    }

    static func daemon(_ error: DaemonError) -> ExitCode {
        switch error {
        case .sockets, .thread, .model(.thread): tell(error.description, ExitCode(1))
        case .model, .adapter, .brokenModel: tell(error.description, ExitCode(66))
        // EX_UNAVAILABLE: what is to be heard is not there.
        case .source: tell(error.description, ExitCode(69))
        }
    }

    /// A line for each problem. EX_CONFIG, or EX_USAGE when only the command line is at fault.
    static func settings(_ refusal: SettingsRefusal) -> ExitCode {
        for problem in refusal.problems {
            let advice = if case .flag = problem.origin { " (see `astd run --help`)" } else { "" }
            warn(problem.description + advice)
        }
        return ExitCode(refusal.isUsage ? 64 : 78)
    }

    static func general(_ reason: String) -> ExitCode { tell(reason, ExitCode(1)) }

    /// One line on standard error; an error in the journal where that is what standard error leads to.
    static func warn(_ text: String) {
        let line = Array("\(JournalLogHandler.isConnected ? "<3>" : "astd: ")\(text)\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func tell(_ reason: String, _ code: ExitCode) -> ExitCode {
        warn(reason)
        return code
    }
}
