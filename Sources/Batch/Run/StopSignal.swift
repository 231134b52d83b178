private import Glibc
private import Synchronization

/// SIGINT, SIGTERM and SIGHUP as a request to stop after the current windows. A second signal ends the
/// process at once.
public enum StopSignal {
    private static let number = Atomic<Int32>(0)

    /// The number of the signal that arrived; `nil` before the first.
    public static var received: Int32? {
        let number = number.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// Installs the handlers.
    public static func install() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in StopSignal.receive(number) }
        var mask = sigset_t()
        sigemptyset(&mask)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var before = sigaction()
            sigaction(number, nil, &before)
            // A signal that the parent process set to be ignored (`nohup`, background jobs) stays ignored.
            if unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
            sigaction(number, &action, nil)
            sigaddset(&mask, number)
        }
        // A parent process with threads may have left the signals blocked.
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    }

    private static func receive(_ signal: Int32) {
        if number.exchange(signal, ordering: .relaxed) != 0 { _exit(128 + signal) }
    }
}
