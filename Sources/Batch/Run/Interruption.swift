private import Glibc
private import Synchronization

/// Ctrl-C and `kill`, as a wish to come to an end in good order. A second one ends the process at once.
public enum Interruption {
    private static let received = Atomic<Int32>(0)

    /// The number of the signal that came; `nil` for none.
    public static var signal: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// From now on SIGINT, SIGTERM and SIGHUP are wishes.
    public static func listen() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in Interruption.receive(number) }
        var mask = sigset_t()
        sigemptyset(&mask)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var before = sigaction()
            sigaction(number, nil, &before)
            // What the parent told us to ignore (`nohup`, background jobs) stays ignored.
            if unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
            sigaction(number, &action, nil)
            sigaddset(&mask, number)
        }
        // A parent with threads may have left them blocked.
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    }

    private static func receive(_ number: Int32) {
        if received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
    }
}
