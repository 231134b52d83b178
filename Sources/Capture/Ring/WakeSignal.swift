import Synchronization

/// Wakes one thread that sleeps until the other side of a ring has data or space. Several rings with one
/// consumer share a signal.
///
/// Signalling costs an atomic exchange when nobody sleeps and never blocks. A wake-up cannot be lost when
/// the change is published, sequentially consistent, before ``signal()``, and the sleeper checks for it after
/// it has announced that it sleeps.
public final class WakeSignal: Sendable {
    private let isWoken = Atomic<Bool>(false)
    private let isSleeping = Atomic<Bool>(false)
    private let wakeUp = WakePipe()

    public init() {}

    /// Makes a thread return from ``wait(timeoutSeconds:isReady:)``, now or the next time it waits. From any
    /// thread; never blocks.
    public func wake() {
        isWoken.store(true, ordering: .sequentiallyConsistent)
        signal()
    }

    /// Sleeps until the condition holds, another thread calls ``wake()``, or the time is up. One thread at a
    /// time.
    ///
    /// - Parameters:
    ///   - timeoutSeconds: The longest wait; 0 or less does not wait.
    ///   - isReady: Checks the condition, such as ``SampleRing/hasNews``.
    public func wait(timeoutSeconds: Double, isReady: () -> Bool) {
        let longest = 1e9  // seconds, some thirty years: stands for no limit
        let seconds = timeoutSeconds > 0 ? min(timeoutSeconds, longest) : 0
        let deadline = SystemClock.monotonicNanos + Int64(seconds * Double(SystemClock.nanosPerSecond))
        sleep(untilMonotonicNanos: deadline) {
            isWoken.exchange(false, ordering: .sequentiallyConsistent) || isReady()
        }
    }

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
