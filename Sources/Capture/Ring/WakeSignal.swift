import Synchronization

/// Wakes one thread that sleeps until the other side of a ring has news.
///
/// Ringing costs an atomic exchange when nobody sleeps and never blocks. A wake-up cannot be lost as long
/// as the news is published, sequentially consistent, before ``ring()``, and the sleeper looks for news
/// after it lay down.
final class WakeSignal: Sendable {
    private let isListening = Atomic<Bool>(false)
    private let wakeUp = WakePipe()

    /// Wakes the sleeper, if there is one. From any thread; never blocks.
    func ring() {
        if isListening.exchange(false, ordering: .sequentiallyConsistent) { wakeUp.post() }
    }

    /// Sleeps until there is news or the deadline passes. One thread at a time.
    ///
    /// - Parameters:
    ///   - deadline: The latest moment to return, in nanoseconds of the monotonic clock.
    ///   - hasNews: Looks for news with sequentially consistent loads.
    func sleep(untilMonotonicNanos deadline: Int64, hasNews: () -> Bool) {
        while true {
            isListening.store(true, ordering: .sequentiallyConsistent)
            if hasNews() { break }
            if !wakeUp.wait(untilMonotonicNanos: deadline) { break }
        }
        // A bell that rang in between has posted, or is about to: take that post, so that none piles up.
        if !isListening.exchange(false, ordering: .sequentiallyConsistent) {
            _ = wakeUp.wait(untilMonotonicNanos: .max)
        }
    }
}
