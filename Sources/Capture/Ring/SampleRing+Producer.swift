import Synchronization

extension SampleRing {
    /// Adds samples to the stream. Never blocks.
    ///
    /// What does not fit is dropped from the end of the block and becomes a gap with the reason
    /// ``GapReason/overrun``. After a drop the stream continues with the first block that fits completely, so
    /// that a slow consumer gets few long gaps instead of many short ones. An unusable value
    /// (``CaptureFormat/isUsable(_:)``) becomes silence and is counted.
    ///
    /// - Parameters:
    ///   - samples: 16 kHz mono samples, full scale ±1; copied.
    ///   - lastSampleNanos: When the last of them was captured, in nanoseconds since the machine started
    ///     (CLOCK_BOOTTIME).
    public func push(_ samples: UnsafeBufferPointer<Float>, lastSampleNanos: Int64) {
        if samples.isEmpty || isClosed.load(ordering: .relaxed) { return }
        let fitting = roomForSamples()
        let accepted: Int
        if samples.count <= fitting {
            accepted = samples.count
        } else if isOverrunning && fitting < capacity {
            accepted = 0
        } else {
            accepted = fitting
        }
        let dropped = samples.count - accepted
        if accepted > 0 {
            let lastNanos = lastSampleNanos - Int64(dropped) * CaptureFormat.nanosPerSample
            append(UnsafeBufferPointer(rebasing: samples[..<accepted]), lastSampleNanos: lastNanos)
        }
        isOverrunning = dropped > 0
        if dropped > 0 { addGap(samples: Int64(dropped), reason: .overrun) }
        dataSignal.signal()
    }

    /// Adds samples to the stream, waiting for room as long as it takes; for files.
    ///
    /// Returns when all samples are in the ring, or when the ring was closed by its consumer.
    ///
    /// - Parameters:
    ///   - samples: 16 kHz mono samples, full scale ±1; copied. May be more than the ring can hold.
    ///   - lastSampleNanos: The time of the last of them, in nanoseconds since the machine started
    ///     (CLOCK_BOOTTIME).
    public func pushWaiting(_ samples: UnsafeBufferPointer<Float>, lastSampleNanos: Int64) {
        pushWaiting(samples, lastSampleNanos: lastSampleNanos, stop: nil)
    }

    /// As the public form, and also returns, with samples left out, once `stop` is raised and
    /// ``interruptPush()`` was called.
    func pushWaiting(_ samples: UnsafeBufferPointer<Float>, lastSampleNanos: Int64, stop: StopFlag?) {
        var pushed = 0
        while pushed < samples.count {
            // At least half the ring, so that the two threads do not alternate over a few samples.
            let wanted = min(samples.count - pushed, max(1, capacity / 2))
            spaceSignal.sleep(untilMonotonicNanos: .max) {
                roomForSamples() >= wanted || isClosed.load(ordering: .sequentiallyConsistent)
                    || stop?.isRaised == true
            }
            if isClosed.load(ordering: .acquiring) || stop?.isRaised == true { return }
            let count = min(samples.count - pushed, roomForSamples())
            let after = samples.count - pushed - count
            append(
                UnsafeBufferPointer(rebasing: samples[pushed..<pushed + count]),
                lastSampleNanos: lastSampleNanos - Int64(after) * CaptureFormat.nanosPerSample)
            pushed += count
            dataSignal.signal()
        }
    }

    /// Makes a waiting `pushWaiting` check its stop flag. From any thread.
    func interruptPush() { spaceSignal.signal() }

    /// Advances the stream's position over samples that were never delivered, and records the gap.
    ///
    /// - Parameters:
    ///   - samples: Length of the range, 0 or more.
    ///   - reason: Why it is missing.
    public func skip(samples: Int64, reason: GapReason) {
        precondition(samples >= 0, "a stream only moves forward")
        if samples == 0 || isClosed.load(ordering: .relaxed) { return }
        addGap(samples: samples, reason: reason)
        dataSignal.signal()
    }

    /// Counts samples that were not usable and were replaced by silence before they were pushed.
    func recordUnusable(samples: Int64) { replacedSamples.add(samples, ordering: .relaxed) }

    /// Ends the stream: once the consumer has popped everything it reads `finished`.
    public func finish() {
        isFinished.store(true, ordering: .sequentiallyConsistent)
        dataSignal.signal()
    }

    /// How many samples can be added now: 0 when the list of blocks is full.
    private func roomForSamples() -> Int {
        let freeEntries = entryCapacity - (headEntry - entryTail.load(ordering: .sequentiallyConsistent))
        if freeEntries <= Self.entriesForGaps { return 0 }
        return capacity - (writtenSamples - freedSamples.load(ordering: .sequentiallyConsistent))
    }

    /// Copies samples that are known to fit and publishes them as one entry.
    private func append(_ samples: UnsafeBufferPointer<Float>, lastSampleNanos: Int64) {
        var unusable: Int64 = 0
        var slot = writtenSamples % capacity
        for value in samples {
            let usable = CaptureFormat.isUsable(value)
            storage[slot] = usable ? value : 0
            if !usable { unusable += 1 }
            slot += 1
            if slot == capacity { slot = 0 }
        }
        if unusable > 0 { replacedSamples.add(unusable, ordering: .relaxed) }
        writtenSamples += samples.count
        publishedSamples.store(writtenSamples, ordering: .releasing)
        openGap = nil
        publish(length: Int64(samples.count), reason: nil, lastSampleNanos: lastSampleNanos)
    }

    /// Extends the gap at the end of the stream, or starts one.
    ///
    /// A gap never lacks an entry: samples never use the last ``entriesForGaps``. If the consumer is blocked
    /// and the reason changes more often than that, the last gap is extended, whatever its reason.
    private func addGap(samples: Int64, reason: GapReason) {
        let last = entries + (headEntry + entryCapacity - 1) % entryCapacity
        let isFull = headEntry - entryTail.load(ordering: .acquiring) == entryCapacity
        if let openGap, openGap == reason || isFull {
            if last.pointee.grow(by: samples) {
                if openGap == .overrun { lostToOverrun.add(samples, ordering: .relaxed) }
                pushedPosition.add(samples, ordering: .releasing)
                return
            }
        }
        if reason == .overrun { lostToOverrun.add(samples, ordering: .relaxed) }
        openGap = reason
        publish(length: samples, reason: reason, lastSampleNanos: 0)
    }

    private func publish(length: Int64, reason: GapReason?, lastSampleNanos: Int64) {
        let entry = entries + headEntry % entryCapacity
        entry.pointee.reason = reason
        entry.pointee.lastSampleNanos = lastSampleNanos
        entry.pointee.length.store(length, ordering: .releasing)
        // Before the entry: see ``endPosition``.
        pushedPosition.add(length, ordering: .releasing)
        headEntry += 1
        entryHead.store(headEntry, ordering: .sequentiallyConsistent)
    }
}
