/// Features of a stream of samples. Provides any recent window; a frame is computed once, however many
/// windows contain it.
///
/// Frames are numbered from the stream's first sample. The newest `windowFrames + historyFrames` are stored
/// as logarithms, because each model normalises its window differently.
public final class SlidingFeatures {
    public let config: FrontendConfig
    /// Number of frames computed so far, and the number of the next one.
    public private(set) var frameCount = 0

    /// How many frames a caller may append past the end of a window before it copies that window.
    public let historyFrames: Int

    private let fbank: Fbank
    /// SAFETY: `[capacityFrames, melBins]`; rows 0..<(frameCount - firstFrame) are valid. Freed in deinit.
    private var rows: UnsafeMutablePointer<Float>
    private var capacityFrames: Int
    /// Frames of the longest window that is provided.
    private var windowFrames: Int
    /// Number of the frame in row 0.
    private var firstFrame = 0
    /// Samples from the start of frame `frameCount`. SAFETY: `pendingCapacity` floats, freed in deinit.
    private let pending: UnsafeMutablePointer<Float>
    private var pendingCount = 0
    private static let pendingCapacity = FrontendConfig.frameSamples + 100 * FrontendConfig.frameShiftSamples

    /// - Parameter historyFrames: Minimum; there is always room for a block of 0.6 s.
    public init(_ config: FrontendConfig, historyFrames: Int = 0) {
        self.config = config
        self.historyFrames = historyFrames + 64
        fbank = Fbank(config.plain)
        windowFrames = config.windowFrames
        capacityFrames = Self.capacity(windowFrames, self.historyFrames)
        rows = .allocate(capacity: capacityFrames * config.melBins)
        pending = .allocate(capacity: Self.pendingCapacity)
    }

    deinit {
        rows.deallocate()
        pending.deallocate()
    }

    /// Appends the stream's next samples and computes the frames that they complete.
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

    /// Appends `count` samples of digital silence for a gap in the stream, so that later samples keep their
    /// positions.
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

    /// Removes all frames; the next sample is the first of a new stream.
    public func reset() {
        frameCount = 0
        firstFrame = 0
        pendingCount = 0
    }

    /// Number of the oldest stored frame.
    public var oldestFrame: Int { firstFrame }

    /// The logarithms of a stored frame, `[melBins]`; valid until the next call.
    public func row(_ frame: Int) -> UnsafeBufferPointer<Float> {
        precondition((firstFrame..<frameCount).contains(frame))
        return UnsafeBufferPointer(
            start: rows + (frame - firstFrame) * config.melBins, count: config.melBins)
    }

    /// Provides windows of `frames` frames as soon as that many are computed; stored frames stay.
    public func keep(windowFrames frames: Int) {
        windowFrames = frames
        let capacity = Self.capacity(frames, historyFrames)
        dropOldRows()
        guard capacity != capacityFrames else { return }
        let kept = UnsafeMutablePointer<Float>.allocate(capacity: capacity * config.melBins)
        kept.update(from: rows, count: (frameCount - firstFrame) * config.melBins)
        rows.deallocate()
        rows = kept
        capacityFrames = capacity
    }

    /// Copies `frontend.windowFrames` frames from `start`, normalised; missing frames are padding.
    ///
    /// - Parameters:
    ///   - frontend: Another model's front end, with as many mel bins; `nil` for ``config``.
    ///   - window: Output `[windowFrames, melBins]`.
    public func copyWindow(
        from start: Int, as frontend: FrontendConfig? = nil, into window: UnsafeMutableBufferPointer<Float>
    ) {
        let frontend = frontend ?? config
        precondition(frontend.melBins == config.melBins && frontend.windowFrames <= windowFrames)
        precondition(start >= firstFrame && window.count == frontend.windowFrames * config.melBins)
        guard let destination = window.baseAddress else { return }
        let available = max(0, min(frontend.windowFrames, frameCount - start)) * config.melBins
        let source = rows + (start - firstFrame) * config.melBins
        for index in 0..<available { destination[index] = frontend.normalised(source[index]) }
        (destination + available).update(repeating: frontend.paddingValue, count: window.count - available)
    }

    /// Twice the window, so that rows move to the front once per window instead of once per hop.
    private static func capacity(_ windowFrames: Int, _ historyFrames: Int) -> Int {
        2 * (windowFrames + historyFrames) + 128
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
        let kept = min(windowFrames + historyFrames, frameCount - firstFrame)
        let dropped = frameCount - firstFrame - kept
        rows.update(from: rows + dropped * config.melBins, count: kept * config.melBins)
        firstFrame += dropped
    }
}
