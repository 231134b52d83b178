import Glibc
import Synchronization

/// Notes that the user wants to end, so that the terminal can be put in order first.
enum Interrupt {
    private static let flag = Atomic<Bool>(false)

    /// Whether Ctrl-C, hang-up or a polite kill came.
    static var isPending: Bool { flag.load(ordering: .relaxed) }

    /// From now on those signals set ``isPending``, and end a wait, instead of the program.
    static func catchSignals() {
        _ = isPending  // Makes the flag now: a signal handler must not be the first to touch it.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { @Sendable _ in
            Interrupt.flag.store(true, ordering: .relaxed)
        }
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaction(signal, &action, nil) }
    }
}
