private import Glibc

/// A mapped file that somebody shortens takes the weights away while they are read. Nothing can be computed then; what
/// is left is to say so.
public enum TruncatedFile {
    /// EX_IOERR.
    public static let exitCode: Int32 = 74

    /// From now on the process ends with one line and ``exitCode`` instead of a bare SIGBUS.
    public static func endWithReason() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { @Sendable _ in
            // Only what a signal handler may do: no allocation, no locks.
            let line: StaticString =
                "astd: the model's file was truncated or its disk failed while it was in use: replace files by renaming, then start again\n"
            _ = write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
            _exit(74)
        }
        sigaction(SIGBUS, &action, nil)
    }
}
