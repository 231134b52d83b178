import Glibc
import Synchronization

/// Records that the user wants to quit, so that the terminal can be restored first.
enum Interrupt {
    private static let flag = Atomic<Bool>(false)

    /// Whether SIGINT, SIGHUP or SIGTERM was received.
    static var isPending: Bool { flag.load(ordering: .relaxed) }

    /// Makes those signals set ``isPending`` and interrupt system calls instead of ending the program.
    static func catchSignals() {
        _ = isPending  // Initialises the flag: a signal handler must not.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { @Sendable _ in
            Interrupt.flag.store(true, ordering: .relaxed)
        }
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaction(signal, &action, nil) }
    }
}
