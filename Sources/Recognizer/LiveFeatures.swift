private import Frontend

/// The log-mel features of one stream, and the normalised windows that variants read from them.
///
/// Threading: one thread at a time.
public final class LiveFeatures {
    private let sliding: SlidingFeatures
    private var retainedFrames: Int
    // SAFETY: the features of one window; allocated in init and retain(_:), freed there and in deinit, used
    // by one call at a time.
    private var window: UnsafeMutableBufferPointer<Float>

    /// - Parameters:
    ///   - variants: At least one, all of one base.
    ///   - historyFrames: As ``RecognizerOptions/historyFrames``.
    ///   - minimumFrames: Frames to retain at least, so that a variant with a window of that length can take
    ///     over at once.
    public init(for variants: [Variant], historyFrames: Int = 0, minimumFrames: Int = 0) {
        precondition(!variants.isEmpty)
        sliding = SlidingFeatures(variants[0].frontend, historyFrames: historyFrames)
        retainedFrames = minimumFrames
        window = .allocate(capacity: 0)
        retain(for: variants)
    }

    deinit { window.deallocate() }

    /// Frames since the last reset.
    public var frameCount: Int { sliding.frameCount }
    /// The oldest frame in memory.
    public var oldestFrame: Int { sliding.oldestFrame }

    /// Values of a frame.
    public var melBins: Int { sliding.config.melBins }

    /// The logarithms of a frame's mel energies; valid until the next call.
    ///
    /// - Parameter frame: From ``oldestFrame`` to before ``frameCount``.
    public func row(_ frame: Int) -> UnsafeBufferPointer<Float> { sliding.row(frame) }

    /// Retains enough frames for the windows of these variants. Frames that are in memory stay.
    public func retain(for variants: [Variant]) {
        retainedFrames = max(retainedFrames, variants.longestWindowFrames)
        sliding.keep(windowFrames: retainedFrames)
        window.deallocate()
        window = .allocate(capacity: variants.longestWindowFrames * sliding.config.melBins)
    }

    /// Appends the stream's next samples, 16 kHz mono in -1...1.
    public func append(_ samples: UnsafeBufferPointer<Float>) { sliding.append(samples) }

    /// Appends digital silence.
    public func appendSilence(samples: Int) { sliding.appendSilence(samples: samples) }

    /// Drops all frames; the next sample starts frame 0.
    public func reset() { sliding.reset() }

    /// Copies the window that starts at frame `start`; frames that do not exist are padding.
    ///
    /// - Parameter variant: One of those of ``init(for:historyFrames:minimumFrames:)`` or ``retain(for:)``.
    /// - Returns: `[frames, mels]`, normalised for the variant; valid until the next call.
    public func window(of variant: Variant, from start: Int) -> UnsafeBufferPointer<Float> {
        let frontend = variant.frontend
        let part = UnsafeMutableBufferPointer(rebasing: window[..<(frontend.windowFrames * frontend.melBins)])
        sliding.copyWindow(from: start, as: frontend, into: part)
        return UnsafeBufferPointer(part)
    }
}
