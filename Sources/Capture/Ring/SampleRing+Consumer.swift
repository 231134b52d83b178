import Synchronization

extension SampleRing {
    /// The next piece of the stream.
    public enum Read: Equatable, Sendable {
        /// `count` samples were copied. `startSample` is the position of the first; the last was captured at
        /// `lastSampleNanos`, in nanoseconds since the machine started (CLOCK_BOOTTIME).
        case samples(count: Int, startSample: Int64, lastSampleNanos: Int64)
        /// The samples at positions `start..<end` are missing.
        case gap(start: Int64, end: Int64, reason: GapReason)
        /// No samples are waiting.
        case empty
        /// The stream has ended and everything was popped.
        case finished
    }

    /// Removes the next piece of the stream: samples up to the next gap or as many as fit, or one gap.
    ///
    /// - Parameter destination: Room for at least one sample.
    public func pop(into destination: UnsafeMutableBufferPointer<Float>) -> Read {
        precondition(!destination.isEmpty, "the destination has no room")
        let start = position
        var count = 0
        var lastNanos: Int64 = 0
        while count < destination.count {
            if tailEntry == entryHead.load(ordering: .acquiring) {
                if count > 0 { break }
                // The end is published after the last entry, so entries are checked once more after it was
                // seen.
                let isEnd = isFinished.load(ordering: .acquiring)
                if tailEntry != entryHead.load(ordering: .acquiring) { continue }
                return isEnd ? .finished : .empty
            }
            let entry = entries + tailEntry % entryCapacity
            if let reason = entry.pointee.reason {
                if count > 0 { break }
                position += entry.pointee.remove()
                releaseEntry()
                spaceSignal.signal()
                return .gap(start: start, end: position, reason: reason)
            }
            let length = entry.pointee.length.load(ordering: .acquiring)
            let taken = min(Int(length - readInEntry), destination.count - count)
            copy(taken, to: destination, at: count)
            count += taken
            readInEntry += Int64(taken)
            lastNanos =
                entry.pointee.lastSampleNanos
                - (length - readInEntry) * CaptureFormat.nanosPerSample
            if readInEntry == length { releaseEntry() }
        }
        position += Int64(count)
        freedSamples.store(readSamples, ordering: .sequentiallyConsistent)
        spaceSignal.signal()
        if let report = onUnusableSamples, unusableSamples > 0 {
            onUnusableSamples = nil
            report()
        }
        return .samples(count: count, startSample: start, lastSampleNanos: lastNanos)
    }

    /// Blocks the consumer's thread until there is something to pop, the stream ends, another
    /// thread calls `wake`, or the time is up.
    ///
    /// - Parameter timeoutSeconds: The longest wait; 0 or less does not wait.
    public func wait(timeoutSeconds: Double) {
        dataSignal.wait(timeoutSeconds: timeoutSeconds) { hasNews }
    }

    /// Whether there is something to pop, or the stream has ended. On the consumer's thread, also as the
    /// condition of ``WakeSignal/wait(timeoutSeconds:isReady:)``.
    public var hasNews: Bool {
        entryHead.load(ordering: .sequentiallyConsistent) != tailEntry
            || isFinished.load(ordering: .sequentiallyConsistent)
    }

    /// Copies the next samples out of the ring's storage, in two parts where it wraps.
    private func copy(_ count: Int, to destination: UnsafeMutableBufferPointer<Float>, at offset: Int) {
        // SAFETY: `count` samples from `readSamples` on are published, and `offset + count` fits.
        guard let target = destination.baseAddress.map({ $0 + offset }) else { return }
        let slot = readSamples % capacity
        let first = min(count, capacity - slot)
        target.update(from: storage + slot, count: first)
        (target + first).update(from: storage, count: count - first)
        readSamples += count
    }

    /// Returns the entry that was just read to the producer.
    private func releaseEntry() {
        readInEntry = 0
        tailEntry += 1
        entryTail.store(tailEntry, ordering: .sequentiallyConsistent)
    }
}
