internal import ArgumentParser
internal import Glibc
internal import Settings
internal import SystemSupport
internal import Systemd

/// The ways in which a command fails: one line on standard error, and an exit code.
enum Failure {
    /// A line for each problem. EX_CONFIG, or EX_USAGE when only the command line is at fault.
    static func settings(_ refusal: SettingsRefusal) -> ExitCode {
        for problem in refusal.problems { warn(problem.description) }
        return ExitCode(refusal.isUsage ? 64 : 78)
    }

    /// EX_USAGE.
    static func usage(_ reason: String) -> ExitCode { fail(reason, ExitCode(64)) }

    static func general(_ reason: String) -> ExitCode { fail(reason, ExitCode(1)) }

    /// Prints one line on standard error, with the priority of an error where that is the systemd journal.
    static func warn(_ text: String) {
        let start = JournalLogHandler.isConnected ? "<3>" : "astd-gateway: "
        let line = Array("\(start)\(PathText.printable(text))\n".utf8)
        // SAFETY: the bytes are the array's own, and the call does not keep them.
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func fail(_ reason: String, _ code: ExitCode) -> ExitCode {
        warn(reason)
        return code
    }
}
