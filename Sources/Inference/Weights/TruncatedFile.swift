private import Glibc

/// Handles the signal SIGBUS, which the kernel sends when weights are read from a mapped file that was
/// truncated. The process cannot continue; it ends with a message.
public enum TruncatedFile {
    /// EX_IOERR.
    public static let exitCode: Int32 = 74

    /// Installs a handler that ends the process with one line and ``exitCode`` instead of a bare SIGBUS.
    public static func endWithReason() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { @Sendable _ in
            // Async-signal-safe calls only: no allocation, no locks.
            let line: StaticString =
                "astd: the model's file was truncated or its disk failed while it was in use: replace files by renaming, then start again\n"
            _ = write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
            _exit(74)
        }
        sigaction(SIGBUS, &action, nil)
    }
}
