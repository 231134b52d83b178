import Capture
import Glibc
import Synchronization
import TestSupport

/// The events of a source, in order.
final class EventLog: Sendable {
    private let events = Mutex<[SourceEvent]>([])

    var all: [SourceEvent] { events.withLock { $0 } }
    var states: [SourceEvent.State] { all.map(\.state) }

    func add(_ event: SourceEvent) { events.withLock { $0.append(event) } }

    /// Waits until a state has come for the n-th time.
    ///
    /// - Returns: false when it has not after so many seconds.
    func wait(for state: SourceEvent.State, times: Int = 1, seconds: Double) -> Bool {
        let deadline = monotonicSeconds() + seconds
        while monotonicSeconds() < deadline {
            if states.count(where: { $0 == state }) >= times { return true }
            usleep(5_000)
        }
        return false
    }
}

/// Seconds of the monotonic clock, for time limits.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
