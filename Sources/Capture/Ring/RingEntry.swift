import Synchronization

/// Why samples of the stream are missing.
public enum GapReason: String, Sendable {
    /// The consumer was too slow and the ring was full.
    case overrun
    /// The source, or its server, was lost.
    case sourceLost = "source_lost"
    /// Capture was paused.
    case paused
}

/// One piece of the stream in a ``SampleRing``: samples, or a gap between samples.
struct RingEntry: ~Copyable {
    /// Why the piece is a gap; nil for samples.
    var reason: GapReason?
    /// When the last sample of the piece was captured, in nanoseconds since the machine started
    /// (CLOCK_BOOTTIME); 0 for a gap.
    var lastSampleNanos: Int64
    /// Length in samples. A gap may grow until the consumer removes it.
    let length: Atomic<Int64>

    /// The length of a gap that the consumer has removed.
    static let removed: Int64 = -1

    init() {
        reason = nil
        lastSampleNanos = 0
        length = Atomic(Self.removed)
    }

    /// Makes a waiting gap longer.
    ///
    /// - Returns: false when the consumer has removed it: a new entry is needed.
    func grow(by samples: Int64) -> Bool {
        var known = length.load(ordering: .acquiring)
        while known != Self.removed {
            let (done, found) = length.compareExchange(
                expected: known, desired: known + samples, ordering: .acquiringAndReleasing)
            if done { return true }
            known = found
        }
        return false
    }

    /// Removes a gap: it cannot grow any more. Returns its length.
    func remove() -> Int64 { length.exchange(Self.removed, ordering: .acquiringAndReleasing) }
}
