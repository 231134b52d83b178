private import Glibc

/// The stages between the frames of a live source and the mono samples in the ring.
///
///     frames ─► channel ─► (resampler) ─► high-pass ─► gain ─► ring
///                 │ clipping, comparison    │ dead input
///                 ▼                         ▼
///              ``condition``, ``SignalCounters``
///
/// With the default settings, the samples of a mono source pass unchanged. Nothing allocates once the format
/// is known.
///
/// Threading: one thread, the one that captures.
final class SignalChain {
    private let settings: SignalSettings
    /// The channel, if each of several has a stream.
    var streamChannel: Int? {
        if settings.expectedChannels != nil, case .number(let channel) = settings.channel {
            channel
        } else {
            nil
        }
    }
    private let counters: SignalCounters
    private(set) var condition = SignalCondition()

    private var channels = 0
    private var rateHz = 0
    /// Whether the condition changed with the format.
    private var isFormatNew = false
    private var selector: ChannelSelector?
    private var comparison: ChannelComparison?
    private var clipping = ClippingCounter()
    private var deadInput = DeadInputDetector()
    private var highPass: HighPassFilter?
    private let gain: Float

    init(_ settings: SignalSettings, counters: SignalCounters) {
        self.settings = settings
        self.counters = counters
        gain = Float(pow(10, settings.gainDB / 20))
        highPass = settings.highPassHz.map { HighPassFilter(cutoffHz: $0) }
    }

    /// Prepares for frames of this format; keeps what was learnt if it is the format of those before.
    ///
    /// - Throws: `noSuchChannel`, `fewChannels`.
    func setFormat(channels: Int, rateHz: Int, name: String) throws(CaptureError) {
        if let wanted = settings.expectedChannels, wanted > channels {
            throw .fewChannels(name: name, wanted: wanted, available: channels)
        }
        if case .number(let wanted) = settings.channel, wanted > channels {
            throw .noSuchChannel(name: name, wanted: wanted, available: channels)
        }
        if channels == self.channels && rateHz == self.rateHz { return }
        (self.channels, self.rateHz) = (channels, rateHz)
        selector = ChannelSelector(settings.channel, channels: channels, rateHz: rateHz)
        comparison =
            settings.channel == .mix && channels > 1
            ? ChannelComparison(channels: channels, rateHz: rateHz) : nil
        condition.channelFault = nil
        let unused = settings.expectedChannels.map { channels - $0 } ?? 0
        isFormatNew = condition.unusedChannels != unused
        condition.unusedChannels = unused
    }

    /// Makes mono samples at the source's own rate.
    ///
    /// - Parameters:
    ///   - interleaved: `[frames, channels]`.
    ///   - mono: Receives `frames` samples.
    /// - Returns: Whether ``condition`` changed.
    func mix(
        _ interleaved: UnsafePointer<Float>, frames: Int, into mono: UnsafeMutablePointer<Float>
    ) -> Bool {
        guard let clipped = selector?.process(interleaved, frames: frames, into: mono) else { return false }
        var isChanged = clipping.update(clipped: clipped, seconds: Double(frames) / Double(rateHz))
        if isFormatNew { (isFormatNew, isChanged) = (false, true) }
        if clipped > 0 { counters.set(clippedSamples: clipping.samples) }
        if comparison?.process(interleaved, frames: frames, stride: channels) == true { isChanged = true }
        condition.isClipping = clipping.isClipping
        condition.channelFault = comparison?.fault
        return isChanged
    }

    /// Filters and amplifies 16 kHz mono samples in place.
    ///
    /// - Returns: Whether ``condition`` changed.
    func finish(_ samples: UnsafeMutableBufferPointer<Float>) -> Bool {
        let isChanged = deadInput.process(UnsafeBufferPointer(samples))
        condition.deadInput = deadInput.reason
        highPass?.process(samples)
        if settings.gainDB != 0 {
            for index in samples.indices { samples[index] *= gain }
        }
        return isChanged
    }
}
