import Synchronization

/// Wakes one thread that sleeps until the other side of a ring has data or space.
///
/// Signalling costs an atomic exchange when nobody sleeps and never blocks. A wake-up cannot be lost when
/// the change is published, sequentially consistent, before ``signal()``, and the sleeper checks for it after
/// it has announced that it sleeps.
final class WakeSignal: Sendable {
    private let isSleeping = Atomic<Bool>(false)
    private let wakeUp = WakePipe()

    /// Wakes the sleeping thread, if there is one. From any thread; never blocks.
    func signal() {
        if isSleeping.exchange(false, ordering: .sequentiallyConsistent) { wakeUp.post() }
    }

    /// Sleeps until the condition holds or the deadline passes. One thread at a time.
    ///
    /// - Parameters:
    ///   - deadline: The latest moment to return, in nanoseconds of the monotonic clock.
    ///   - isReady: Checks the condition, with sequentially consistent loads.
    func sleep(untilMonotonicNanos deadline: Int64, isReady: () -> Bool) {
        while true {
            isSleeping.store(true, ordering: .sequentiallyConsistent)
            if isReady() { break }
            if !wakeUp.wait(untilMonotonicNanos: deadline) { break }
        }
        // A signal in between has written to the pipe, or is about to: read that byte, so that none
        // accumulates.
        if !isSleeping.exchange(false, ordering: .sequentiallyConsistent) {
            _ = wakeUp.wait(untilMonotonicNanos: .max)
        }
    }
}
