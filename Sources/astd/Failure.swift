internal import ArgumentParser
internal import Daemon

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// Ways in which a command ends without success: one line on standard error, and an exit code.
enum Failure {
    /// Some files could not be classified; each was told when it happened.
    static let someFilesFailed = ExitCode(1)

    /// EX_NOINPUT: no model, or none that can be used.
    static func noModel(_ reason: String) -> ExitCode { tell(reason, ExitCode(66)) }

    static func daemon(_ error: DaemonError) -> ExitCode {
        switch error {
        case .model, .adapter, .brokenModel: tell(error.description, ExitCode(66))
        // EX_UNAVAILABLE: what is to be heard is not there.
        case .source: tell(error.description, ExitCode(69))
        case .sockets, .noThread: tell(error.description, ExitCode(1))
        }
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
