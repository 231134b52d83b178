import Synchronization

/// A lock-free ring of 16 kHz mono samples between one capturing and one consuming thread.
///
/// Every sample of the stream has a position, counted from 0 without a break. What the consumer gets is that
/// stream in order: samples, and gaps at exactly the place where samples are missing. Nothing goes missing
/// uncounted: what was pushed or skipped equals what was popped plus the gaps plus what still waits.
///
/// Threads: `push`, `pushWaiting`, `skip` and `finish` belong to one producer, `pop` and `wait` to one
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

    /// Entries kept back for gaps, so that a full ring can still tell what it lost.
    static let entriesForGaps = 4

    // Written by the producer. Counts grow for ever; slot = count % capacity.
    let entryHead = Atomic<Int>(0)
    let publishedSamples = Atomic<Int>(0)
    let lostToOverrun = Atomic<Int64>(0)
    let replacedSamples = Atomic<Int64>(0)
    let isFinished = Atomic<Bool>(false)
    let pushedPosition = Atomic<Int64>(0)

    // Written by the consumer.
    let entryTail = Atomic<Int>(0)
    let freedSamples = Atomic<Int>(0)

    // Written by anyone.
    let isClosed = Atomic<Bool>(false)
    let isWoken = Atomic<Bool>(false)
    let dataSignal = WakeSignal()
    let spaceSignal = WakeSignal()

    // The producer's own.
    var headEntry = 0
    var writtenSamples = 0
    var openGap: GapReason?
    var isOverrunning = false

    // The consumer's own.
    var tailEntry = 0
    var readSamples = 0
    var readInEntry: Int64 = 0
    var position: Int64 = 0

    /// Makes an empty ring.
    ///
    /// - Parameter capacitySamples: How many samples can wait, at least 1; 16000 are one second.
    public init(capacitySamples: Int) {
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

    /// One past the last sample or missing sample that was pushed. From any thread: whoever has popped a piece of the
    /// stream sees at least its end.
    public var endPosition: Int64 { pushedPosition.load(ordering: .acquiring) }

    /// Samples that were NaN, infinite or absurdly large and became silence. From any thread.
    public var unusableSamples: Int64 { replacedSamples.load(ordering: .relaxed) }

    /// Samples that wait to be popped. From any thread; a moment's value.
    public var filledSamples: Int {
        let freed = freedSamples.load(ordering: .acquiring)
        return max(0, publishedSamples.load(ordering: .acquiring) - freed)
    }

    /// Makes a waiting consumer return from `wait`, now or the next time it waits. From any thread.
    public func wake() {
        isWoken.store(true, ordering: .sequentiallyConsistent)
        dataSignal.ring()
    }

    /// Says that nobody will pop again: `pushWaiting` returns and pushing does nothing. From any thread.
    public func close() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        spaceSignal.ring()
    }
}
