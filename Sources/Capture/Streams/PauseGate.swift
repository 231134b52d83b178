import Synchronization

/// Blocks a source's thread while capture is paused.
final class PauseGate: Sendable {
    private let closed = Atomic<Bool>(false)
    private let wakeUp = WakePipe()

    var isClosed: Bool { closed.load(ordering: .sequentiallyConsistent) }

    /// - Returns: Whether that is a change.
    func set(_ isPaused: Bool) -> Bool {
        let isChange = closed.exchange(isPaused, ordering: .sequentiallyConsistent) != isPaused
        wakeUp.post()
        return isChange
    }

    /// Blocks while capture is paused and `stop` is not raised.
    ///
    /// - Returns: Nanoseconds slept.
    func wait(unless stop: StopFlag) -> Int64 {
        guard closed.load(ordering: .sequentiallyConsistent) else { return 0 }
        let begin = SystemClock.monotonicNanos
        while closed.load(ordering: .sequentiallyConsistent) && !stop.isRaised {
            _ = wakeUp.wait(untilMonotonicNanos: .max)
        }
        return SystemClock.monotonicNanos - begin
    }
}
