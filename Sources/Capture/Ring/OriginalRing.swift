private import Synchronization

/// Sound of a live source at its own rate and with its own channels, on its way to clips: a lock-free ring
/// beside a ``SampleRing``, between the same two threads.
///
/// It holds chunks. Each belongs to a range of positions in the ``SampleRing``, so that both streams have the
/// same positions. What does not fit is dropped, and missing at those positions.
///
/// Threading: ``push(_:from:)`` belongs to the capturing thread, ``pop(before:into:)`` to one consumer.
///
/// SAFETY: unchecked because the producer fills values and chunks before it moves `head` (release), and the
/// consumer reads them after it has seen that (acquire), before it moves `tail` and `freedValues` (release),
/// which the producer reads (acquire).
public final class OriginalRing: @unchecked Sendable {
    /// Frames of the source, and the positions that they belong to.
    public struct Chunk: Sendable, Equatable {
        /// Position of the first sample at 16 kHz.
        public var start: Int64
        /// Samples at 16 kHz.
        public var samples: Int64
        /// Samples at 16 kHz that the resampler had made before, since the frames have had this format:
        /// sample `n` belongs to frame `n * rateHz / 16000`, rounded.
        public var resampled: Int64
        public var rateHz: Int
        public var channels: Int

        public init(start: Int64, samples: Int64, resampled: Int64, rateHz: Int, channels: Int) {
            self.start = start
            self.samples = samples
            self.resampled = resampled
            self.rateHz = rateHz
            self.channels = channels
        }

        /// The frame, counted from the chunk's first, at which a sample begins; also for the sample behind
        /// the last.
        public func frame(at position: Int64) -> Int64 {
            frames(before: resampled + position - start) - frames(before: resampled)
        }

        /// The number of its frames.
        public var frames: Int64 { frame(at: start + samples) }

        private func frames(before resampled: Int64) -> Int64 {
            let hertz = Int64(CaptureFormat.sampleRateHz)
            return (resampled * Int64(rateHz) + hertz / 2) / hertz
        }
    }

    private let values: UnsafeMutablePointer<Int16>
    private let capacity: Int
    private let chunks: UnsafeMutablePointer<Chunk>
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)
    private let freedValues = Atomic<Int>(0)
    /// The producer's own.
    private var writtenValues = 0
    /// The consumer's own.
    private var readValues = 0

    private static let maximumChunks = 4096

    /// - Parameter capacityValues: 16-bit values that can wait; the default is 10 seconds of 48 kHz stereo.
    public init(capacityValues: Int = 960_000) {
        capacity = capacityValues
        values = .allocate(capacity: capacityValues)
        values.initialize(repeating: 0, count: capacityValues)
        chunks = .allocate(capacity: Self.maximumChunks)
        chunks.initialize(
            repeating: Chunk(start: 0, samples: 0, resampled: 0, rateHz: 1, channels: 1),
            count: Self.maximumChunks)
    }

    deinit {
        // SAFETY: the last reference is gone, so both sides are.
        values.deallocate()
        chunks.deallocate()
    }

    /// Adds a chunk, or drops it if there is no room; does not wait.
    ///
    /// - Parameter interleaved: `[chunk.frames, chunk.channels]`; copied.
    package func push(_ chunk: Chunk, from interleaved: UnsafePointer<Int16>) {
        let count = Int(chunk.frames) * chunk.channels
        let free = capacity - (writtenValues - freedValues.load(ordering: .acquiring))
        let slot = head.load(ordering: .relaxed)
        guard count <= free, slot - tail.load(ordering: .acquiring) < Self.maximumChunks else { return }
        let begin = writtenValues % capacity
        let first = min(count, capacity - begin)
        (values + begin).update(from: interleaved, count: first)
        values.update(from: interleaved + first, count: count - first)
        writtenValues += count
        chunks[slot % Self.maximumChunks] = chunk
        head.store(slot + 1, ordering: .releasing)
    }

    /// Removes the next chunk.
    ///
    /// - Parameters:
    ///   - position: Only a chunk that starts before it.
    ///   - receive: Called once or twice with the chunk and the next of its values, interleaved.
    /// - Returns: Whether there was one.
    public func pop(
        before position: Int64, into receive: (Chunk, UnsafeBufferPointer<Int16>) -> Void
    ) -> Bool {
        let slot = tail.load(ordering: .relaxed)
        guard slot < head.load(ordering: .acquiring) else { return false }
        let chunk = chunks[slot % Self.maximumChunks]
        guard chunk.start < position else { return false }
        let count = Int(chunk.frames) * chunk.channels
        let begin = readValues % capacity
        let first = min(count, capacity - begin)
        receive(chunk, UnsafeBufferPointer(start: values + begin, count: first))
        if first < count { receive(chunk, UnsafeBufferPointer(start: values, count: count - first)) }
        readValues += count
        freedValues.store(readValues, ordering: .releasing)
        tail.store(slot + 1, ordering: .releasing)
        return true
    }
}
