private import Glibc
private import Synchronization

/// Where the sound of a capture goes: one ring, and the stages in front of it. A capture of which each
/// channel is a stream (``ChannelCapture``) has an outlet for each.
///
/// A closed outlet belongs to a stream that is paused while others of the capture are not: it gets no sound,
/// and one gap once it is open again.
///
/// SAFETY: unchecked because everything but ``close(_:)``, ``open()`` and the atomics belongs to the thread
/// that captures.
final class CaptureOutlet: @unchecked Sendable {
    let ring: SampleRing
    let chain: SignalChain
    private var resampler: Resampler?
    /// Where frames are kept as they were captured; nil: nowhere.
    private var original: OriginalFrames?
    private var rateHz = CaptureFormat.sampleRateHz
    /// Frames that were mixed, and samples that were made of them, since the format was set.
    private var (mixedFrames, resampled): (Int64, Int64) = (0, 0)
    /// Mono samples at the capture's own rate.
    private var input = UnsafeMutableBufferPointer<Float>.allocate(capacity: 0)
    /// Those of `input` that were not resampled yet.
    private var rest = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    /// 16 kHz mono samples on their way to the ring.
    private let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: CaptureFormat.blockSamples)
    private var ready = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)

    /// Samples since the outlet was closed.
    private var closedSamples: Int64 = 0
    private let closedReason = Atomic<Bool>(false)  // whether ``GapReason/sourceLost``
    private let isOpen: Atomic<Bool>
    /// Whether the capture is writing to the ring.
    private let isWriting = Atomic<Bool>(false)

    /// - Parameters:
    ///   - original: Receives the frames as they were captured: those of one channel, if the chain makes a
    ///     stream of each.
    ///   - isOpen: Whether the stream is not paused at first.
    init(ring: SampleRing, chain: SignalChain, original: OriginalRing? = nil, isOpen: Bool = true) {
        self.ring = ring
        self.chain = chain
        self.original = original.map { OriginalFrames($0, channel: chain.streamChannel) }
        self.isOpen = Atomic(isOpen)
    }

    deinit {
        // SAFETY: allocated by this object, and the last reference is gone.
        input.deallocate()
        block.deallocate()
        original?.free()
    }

    // MARK: Any thread

    /// Keeps all further sound out of the ring; returns when none is on its way.
    ///
    /// - Parameter reason: Of the gap until ``open()``.
    func close(_ reason: GapReason) {
        closedReason.store(reason == .sourceLost, ordering: .relaxed)
        isOpen.store(false, ordering: .sequentiallyConsistent)
        // Writing never blocks, so this takes microseconds.
        while isWriting.load(ordering: .sequentiallyConsistent) { sched_yield() }
    }

    func open() { isOpen.store(true, ordering: .sequentiallyConsistent) }

    // MARK: The capturing thread

    /// Prepares for frames of this format, and drops what is left of the sound before.
    ///
    /// - Parameter frames: Most frames of a call of ``mix(_:frames:)``.
    /// - Throws: `noSuchChannel`, or `system` when memory for a resampler is missing.
    func setFormat(channels: Int, rateHz: Int, frames: Int, name: String) throws(CaptureError) {
        try chain.setFormat(channels: channels, rateHz: rateHz, name: name)
        resampler = rateHz == CaptureFormat.sampleRateHz ? nil : try Resampler(from: rateHz, name: name)
        if input.count < frames {
            input.deallocate()
            input = .allocate(capacity: frames)
        }
        rest = UnsafeMutableBufferPointer(rebasing: input[..<0])
        self.rateHz = rateHz
        (mixedFrames, resampled) = (0, 0)
        original?.setFormat(channels: channels, rateHz: rateHz, frames: frames)
    }

    /// The time from the capture of the last sample of ``produce(isEnd:)`` to that of the last frame of
    /// ``mix(_:frames:)``.
    var delayNanos: Int64 {
        guard resampler != nil else { return 0 }
        let frames = Double(mixedFrames) / Double(rateHz)
        let samples = Double(resampled + Int64(ready.count)) / Double(CaptureFormat.sampleRateHz)
        return max(0, Int64((frames - samples) * Double(SystemClock.nanosPerSecond)))
    }

    /// Makes mono samples, for ``produce()``.
    ///
    /// - Parameter interleaved: `[frames, channels]`.
    /// - Returns: Whether the chain's condition changed.
    func mix(_ interleaved: UnsafePointer<Float>, frames: Int) -> Bool {
        guard let samples = input.baseAddress else { return false }
        rest = UnsafeMutableBufferPointer(start: samples, count: frames)
        mixedFrames += Int64(frames)
        guard isOpen.load(ordering: .relaxed) else {
            // Keeps the resampler in step with those of the other outlets.
            samples.update(repeating: 0, count: frames)
            original?.append(nil, frames: frames)
            return false
        }
        original?.append(interleaved, frames: frames)
        let isChanged = chain.mix(interleaved, frames: frames, into: samples)
        if resampler != nil { silenceUnusable(rest) }
        return isChanged
    }

    /// Makes the next samples at 16 kHz, for ``deliver(after:reason:lastSampleNanos:)``.
    ///
    /// - Parameter isEnd: Whether to flush the resampler.
    /// - Returns: Their number; 0 when nothing is left.
    func produce(isEnd: Bool) -> Int {
        guard let resampler else {
            (ready, rest) = (rest, UnsafeMutableBufferPointer(rebasing: input[..<0]))
            return ready.count
        }
        while true {
            let isFlush = isEnd && rest.isEmpty
            if rest.isEmpty && !isFlush { return 0 }
            let (consumed, produced) = resampler.process(
                isFlush ? nil : UnsafeBufferPointer(rest), into: block)
            rest = UnsafeMutableBufferPointer(rebasing: rest[consumed...])
            ready = UnsafeMutableBufferPointer(rebasing: block[..<produced])
            if produced > 0 || isFlush || consumed == 0 { return produced }
        }
    }

    /// Writes the samples of ``produce(isEnd:)`` to the ring, after the gap before them.
    ///
    /// - Parameters:
    ///   - missing: The length of that gap.
    ///   - reason: Its reason.
    /// - Returns: Whether the chain's condition changed.
    func deliver(after missing: Int64, reason: GapReason, lastSampleNanos: Int64) -> Bool {
        isWriting.store(true, ordering: .sequentiallyConsistent)
        defer { isWriting.store(false, ordering: .sequentiallyConsistent) }
        defer { resampled += Int64(ready.count) }
        guard isOpen.load(ordering: .sequentiallyConsistent) else {
            closedSamples += missing + Int64(ready.count)
            original?.pass(samples: ready.count, resampled: resampled, at: nil)
            return false
        }
        let isChanged = chain.finish(ready)
        if closedSamples > 0 {
            let reason = closedReason.load(ordering: .relaxed) ? GapReason.sourceLost : .paused
            ring.skip(samples: closedSamples + missing, reason: reason)
            closedSamples = 0
        } else {
            ring.skip(samples: missing, reason: reason)
        }
        // First, so that a consumer of the samples finds them.
        original?.pass(samples: ready.count, resampled: resampled, at: ring.endPosition)
        ring.push(UnsafeBufferPointer(ready), lastSampleNanos: lastSampleNanos)
        return isChanged
    }

    /// Records that the server has lost samples.
    func skip(samples: Int64, reason: GapReason) {
        isWriting.store(true, ordering: .sequentiallyConsistent)
        defer { isWriting.store(false, ordering: .sequentiallyConsistent) }
        if isOpen.load(ordering: .sequentiallyConsistent), closedSamples == 0 {
            ring.skip(samples: samples, reason: reason)
        } else {
            closedSamples += samples
        }
    }

    /// A resampler would spread a NaN over its neighbours.
    private func silenceUnusable(_ samples: UnsafeMutableBufferPointer<Float>) {
        var count: Int64 = 0
        for index in samples.indices where !CaptureFormat.isUsable(samples[index]) {
            samples[index] = 0
            count += 1
        }
        if count > 0 { ring.recordUnusable(samples: count) }
    }
}

/// The outlets of a capture. All get the same frames, and so have the same positions and gaps.
///
/// Threading: as ``CaptureOutlet``.
final class CaptureOutlets: Sendable {
    let all: [CaptureOutlet]

    init(_ all: [CaptureOutlet]) {
        precondition(!all.isEmpty, "a capture has an outlet")
        self.all = all
    }

    var rings: [SampleRing] { all.map(\.ring) }

    /// As ``CaptureOutlet/delayNanos``.
    var delayNanos: Int64 { all[0].delayNanos }

    /// As ``CaptureOutlet/setFormat(channels:rateHz:frames:name:)``.
    func setFormat(channels: Int, rateHz: Int, frames: Int, name: String) throws(CaptureError) {
        for outlet in all {
            try outlet.setFormat(channels: channels, rateHz: rateHz, frames: frames, name: name)
        }
    }

    /// - Parameter onChange: Called with the index of each outlet whose condition changed.
    func mix(_ interleaved: UnsafePointer<Float>, frames: Int, onChange: (Int) -> Void) {
        for index in all.indices where all[index].mix(interleaved, frames: frames) { onChange(index) }
    }

    /// - Returns: How many samples each outlet can deliver; 0 when nothing is left.
    func produce(isEnd: Bool = false) -> Int {
        var count = 0
        for outlet in all { count = outlet.produce(isEnd: isEnd) }
        return count
    }

    /// As ``CaptureOutlet/deliver(after:reason:lastSampleNanos:)``.
    func deliver(
        after missing: Int64, reason: GapReason, lastSampleNanos: Int64, onChange: (Int) -> Void
    ) {
        for index in all.indices {
            let isChanged = all[index].deliver(
                after: missing, reason: reason, lastSampleNanos: lastSampleNanos)
            if isChanged { onChange(index) }
        }
    }

    func skip(samples: Int64, reason: GapReason) {
        for outlet in all { outlet.skip(samples: samples, reason: reason) }
    }
}

/// A live source that can make several streams of its channels.
protocol OutletSource: AudioSource {
    /// As ``AudioSource/start(into:onEvent:)``; finishes the rings of all outlets.
    func start(
        into outlets: CaptureOutlets, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError)
}
