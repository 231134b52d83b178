import Synchronization

/// Why a range of the stream was never heard.
public enum GapReason: String, Sendable {
    /// The consumer was too slow and the ring was full.
    case overrun
    /// The source, or its server, was away.
    case sourceLost = "source_lost"
    /// Nobody was to listen.
    case paused
}

/// One stretch of the stream in a ``SampleRing``: samples, or a gap between samples.
struct RingEntry: ~Copyable {
    /// Why the stretch is a gap; nil for samples.
    var reason: GapReason?
    /// When the last sample of the stretch was heard, in nanoseconds since the machine started (CLOCK_BOOTTIME); 0 for a gap.
    var lastSampleNanos: Int64
    /// Length in samples. A gap may still grow while it waits, until the consumer takes it.
    let length: Atomic<Int64>

    /// The length of a gap that the consumer has taken.
    static let taken: Int64 = -1

    init() {
        reason = nil
        lastSampleNanos = 0
        length = Atomic(Self.taken)
    }

    /// Makes a waiting gap longer.
    ///
    /// - Returns: false when the consumer has taken it already: it needs a new entry.
    func grow(by samples: Int64) -> Bool {
        var known = length.load(ordering: .acquiring)
        while known != Self.taken {
            let (done, found) = length.compareExchange(
                expected: known, desired: known + samples, ordering: .acquiringAndReleasing)
            if done { return true }
            known = found
        }
        return false
    }

    /// Takes a gap: from here on it cannot grow.
    func take() -> Int64 { length.exchange(Self.taken, ordering: .acquiringAndReleasing) }
}
