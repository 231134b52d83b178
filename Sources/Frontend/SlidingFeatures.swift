/// Features of a stream of samples, of which any recent window can be had: a frame is computed once, however
/// many windows it appears in.
///
/// Frames are numbered from the stream's first sample. The newest `windowFrames + historyFrames` are kept.
public final class SlidingFeatures {
    public let config: FrontendConfig
    /// Frames computed so far: the next frame's number.
    public private(set) var frameCount = 0

    /// How many frames a caller may append past the end of a window before it copies that window.
    public let historyFrames: Int

    private let fbank: Fbank
    /// SAFETY: `[capacityFrames, melBins]`; rows 0..<(frameCount - firstFrame) are valid. Freed in deinit.
    private let rows: UnsafeMutablePointer<Float>
    private let capacityFrames: Int
    /// Number of the frame in row 0.
    private var firstFrame = 0
    /// Samples from the beginning of frame `frameCount`. SAFETY: `pendingCapacity` floats, freed in deinit.
    private let pending: UnsafeMutablePointer<Float>
    private var pendingCount = 0
    private static let pendingCapacity = FrontendConfig.frameSamples + 100 * FrontendConfig.frameShiftSamples

    /// - Parameter historyFrames: At least; a block of up to 0.6 s is always allowed for.
    public init(_ config: FrontendConfig, historyFrames: Int = 0) {
        self.config = config
        self.historyFrames = historyFrames + 64
        fbank = Fbank(config)
        // Twice the window: rows move to the front once a window, not once a hop.
        capacityFrames = 2 * (config.windowFrames + self.historyFrames) + 128
        rows = .allocate(capacity: capacityFrames * config.melBins)
        pending = .allocate(capacity: Self.pendingCapacity)
    }

    deinit {
        rows.deallocate()
        pending.deallocate()
    }

    /// Takes the stream's next samples and computes the frames that they complete.
    ///
    /// - Parameter samples: 16 kHz mono in -1...1; any number.
    public func append(_ samples: UnsafeBufferPointer<Float>) {
        var rest = samples[...]
        while !rest.isEmpty {
            let room = Self.pendingCapacity - pendingCount
            let part = UnsafeBufferPointer(rebasing: rest.prefix(room))
            if let source = part.baseAddress {
                (pending + pendingCount).update(from: source, count: part.count)
            }
            pendingCount += part.count
            rest = rest.dropFirst(part.count)
            computePending()
        }
    }

    /// Takes `count` samples of digital silence: a hole in the stream, so that what follows keeps its place.
    public func appendSilence(samples count: Int) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 4096) { zeros in
            zeros.initialize(repeating: 0)
            var rest = count
            while rest > 0 {
                append(UnsafeBufferPointer(rebasing: zeros[..<min(rest, zeros.count)]))
                rest -= min(rest, zeros.count)
            }
        }
    }

    /// Forgets everything; the next sample is the first of a new stream.
    public func reset() {
        frameCount = 0
        firstFrame = 0
        pendingCount = 0
    }

    /// Copies `windowFrames` frames from `start`; frames that are not there yet are padding.
    ///
    /// - Parameter window: Output `[windowFrames, melBins]`.
    public func copyWindow(from start: Int, into window: UnsafeMutableBufferPointer<Float>) {
        precondition(start >= firstFrame && window.count == config.windowFrames * config.melBins)
        guard let destination = window.baseAddress else { return }
        let available = max(0, min(config.windowFrames, frameCount - start)) * config.melBins
        if available > 0 {
            destination.update(from: rows + (start - firstFrame) * config.melBins, count: available)
        }
        (destination + available).update(repeating: config.paddingValue, count: window.count - available)
    }

    private func computePending() {
        let count = FrontendConfig.frames(inSamples: pendingCount)
        guard count > 0 else { return }
        if frameCount - firstFrame + count > capacityFrames { dropOldRows() }
        fbank.compute(
            UnsafeBufferPointer(start: pending, count: pendingCount), frames: count,
            into: rows + (frameCount - firstFrame) * config.melBins)
        frameCount += count
        let consumed = count * FrontendConfig.frameShiftSamples
        pendingCount -= consumed
        pending.update(from: pending + consumed, count: pendingCount)
    }

    private func dropOldRows() {
        let kept = min(config.windowFrames + historyFrames, frameCount - firstFrame)
        let dropped = frameCount - firstFrame - kept
        rows.update(from: rows + dropped * config.melBins, count: kept * config.melBins)
        firstFrame += dropped
    }
}
