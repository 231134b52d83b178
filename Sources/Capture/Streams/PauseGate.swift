import Synchronization

/// Holds a source's thread up for as long as nobody is to listen.
final class PauseGate: Sendable {
    private let raised = Atomic<Bool>(false)
    private let wakeUp = WakePipe()

    /// - Returns: Whether that is news.
    func set(_ isPaused: Bool) -> Bool {
        let isNews = raised.exchange(isPaused, ordering: .sequentiallyConsistent) != isPaused
        wakeUp.post()
        return isNews
    }

    /// Sleeps while the flag is raised and `stop` is not.
    ///
    /// - Returns: Nanoseconds slept.
    func wait(unless stop: StopFlag) -> Int64 {
        guard raised.load(ordering: .sequentiallyConsistent) else { return 0 }
        let begin = SystemClock.monotonicNanos
        while raised.load(ordering: .sequentiallyConsistent) && !stop.isRaised {
            _ = wakeUp.wait(untilMonotonicNanos: .max)
        }
        return SystemClock.monotonicNanos - begin
    }
}
