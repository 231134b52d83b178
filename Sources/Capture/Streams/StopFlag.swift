import Synchronization

/// Asks a source's thread to end; cannot be undone.
final class StopFlag: Sendable {
    private let raised = Atomic<Bool>(false)
    private let wakeUp = WakePipe()

    /// Whether the thread should end.
    var isRaised: Bool { raised.load(ordering: .sequentiallyConsistent) }

    /// Asks the thread to end, and ends its sleep.
    func raise() {
        if !raised.exchange(true, ordering: .sequentiallyConsistent) { wakeUp.post() }
    }

    /// Sleeps until `deadline`, on the monotonic clock, or until the flag is raised.
    func sleep(untilMonotonicNanos deadline: Int64) {
        while !isRaised && SystemClock.monotonicNanos < deadline {
            _ = wakeUp.wait(untilMonotonicNanos: deadline)
        }
    }
}
