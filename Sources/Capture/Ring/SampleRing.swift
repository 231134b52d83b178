import Synchronization

/// A lock-free ring of 16 kHz mono samples between one capturing and one consuming thread.
///
/// Every sample of the stream has a position, counted from 0. The consumer receives the stream in order:
/// samples, and gaps exactly where samples are missing. Every sample is accounted for: the samples pushed or
/// skipped equal the samples popped, plus those in gaps, plus those that still wait.
///
/// Threading: `push`, `pushWaiting`, `skip` and `finish` belong to one producer, `pop` and `wait` to one
/// consumer; everything else may be called from anywhere. The producer's side never allocates, locks, logs or
/// (`pushWaiting` aside) blocks. Push blocks of 32 samples or more: the ring also bounds the number of blocks
/// that wait.
public final class SampleRing: @unchecked Sendable {
    // SAFETY: `storage` and `entries` are slots that the producer fills before it moves `entryHead` over them
    // (release) and the consumer reads after it has seen that (acquire); a slot goes back when the consumer
    // moves `freedSamples` or `entryTail` (release), which the producer reads (acquire) before it writes.
    // The fields under "producer" and "consumer" belong to the one thread on that side.
    let storage: UnsafeMutablePointer<Float>
    let entries: UnsafeMutablePointer<RingEntry>
    let capacity: Int
    let entryCapacity: Int

    /// Entries reserved for gaps, so that a full ring can still record what it lost.
    static let entriesForGaps = 4

    // Written by the producer. Counts never wrap; slot = count % capacity.
    let entryHead = Atomic<Int>(0)
    let publishedSamples = Atomic<Int>(0)
    let lostToOverrun = Atomic<Int64>(0)
    let replacedSamples = Atomic<Int64>(0)
    let isFinished = Atomic<Bool>(false)
    let pushedPosition = Atomic<Int64>(0)

    // Written by the consumer.
    let entryTail = Atomic<Int>(0)
    let freedSamples = Atomic<Int>(0)

    // Written by any thread.
    let isClosed = Atomic<Bool>(false)
    let dataSignal: WakeSignal
    let spaceSignal = WakeSignal()

    // The producer's own.
    var headEntry = 0
    var writtenSamples = 0
    var openGap: GapReason?
    var isOverrunning = false

    // The consumer's own.
    var onUnusableSamples: (() -> Void)?
    var tailEntry = 0
    var readSamples = 0
    var readInEntry: Int64 = 0
    var position: Int64 = 0

    /// Makes an empty ring.
    ///
    /// - Parameters:
    ///   - capacitySamples: How many samples can wait, at least 1; 16000 are one second.
    ///   - dataSignal: Wakes the consumer; shared by all rings that it reads.
    ///   - onUnusableSamples: Called once, on the consumer's thread, after the first sample that became
    ///     silence; see ``unusableSamples``.
    public init(
        capacitySamples: Int, dataSignal: WakeSignal = WakeSignal(),
        onUnusableSamples: (@Sendable () -> Void)? = nil
    ) {
        self.dataSignal = dataSignal
        self.onUnusableSamples = onUnusableSamples
        precondition(capacitySamples > 0, "a ring holds at least one sample")
        capacity = capacitySamples
        entryCapacity = max(64, capacitySamples / 32 + Self.entriesForGaps)
        storage = UnsafeMutablePointer<Float>.allocate(capacity: capacity)
        storage.initialize(repeating: 0, count: capacity)
        entries = UnsafeMutablePointer<RingEntry>.allocate(capacity: entryCapacity)
        for slot in 0..<entryCapacity { (entries + slot).initialize(to: RingEntry()) }
    }

    deinit {
        // SAFETY: the last reference is gone, so both sides are.
        storage.deallocate()
        entries.deinitialize(count: entryCapacity)
        entries.deallocate()
    }

    /// Samples lost so far because the ring was full. From any thread.
    public var overrunSamples: Int64 { lostToOverrun.load(ordering: .relaxed) }

    /// The position after the last sample or gap that was pushed. From any thread; at least the end of every
    /// piece that this thread has popped.
    public var endPosition: Int64 { pushedPosition.load(ordering: .acquiring) }

    /// Samples that were NaN, infinite or beyond ``CaptureFormat/largestMagnitude`` and became silence. From
    /// any thread.
    public var unusableSamples: Int64 { replacedSamples.load(ordering: .relaxed) }

    /// Samples that wait to be popped. From any thread; may be outdated at once.
    public var filledSamples: Int {
        let freed = freedSamples.load(ordering: .acquiring)
        return max(0, publishedSamples.load(ordering: .acquiring) - freed)
    }

    /// Makes a waiting consumer return from `wait`, now or the next time it waits. From any thread.
    public func wake() { dataSignal.wake() }

    /// Ends the consumer's side: `pushWaiting` returns and pushing does nothing from now on. From any thread.
    public func close() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        spaceSignal.signal()
    }
}
