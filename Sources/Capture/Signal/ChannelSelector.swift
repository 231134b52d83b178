/// Makes mono samples of the interleaved frames of a live source.
package struct ChannelSelector {
    private let channel: SourceChannel
    private let channels: Int
    private var loudness: LoudestChannel

    /// - Parameters:
    ///   - channel: Not ``SourceChannel/each``; a number of at most `channels`.
    ///   - channels: The number of channels of the source.
    package init(_ channel: SourceChannel, channels: Int, rateHz: Int) {
        self.channel = channel
        self.channels = channels
        loudness = LoudestChannel(channels: channels, rateHz: rateHz)
    }

    /// - Parameters:
    ///   - interleaved: `[frames, channels]`.
    ///   - mono: Receives `frames` samples.
    /// - Returns: Samples at full scale (``ClippingCounter/fullScale``) in the channels that are used; the
    ///   channels of a mix are counted together, once a frame.
    package mutating func process(
        _ interleaved: UnsafePointer<Float>, frames: Int, into mono: UnsafeMutablePointer<Float>
    ) -> Int {
        switch channel {
        case .number(let number): copy(number - 1, of: interleaved, frames: frames, into: mono)
        case .loudest: loudness.process(interleaved, frames: frames, into: mono)
        case .mix, .each: mix(interleaved, frames: frames, into: mono)
        }
        return clipped(interleaved, frames: frames)
    }

    private func copy(
        _ channel: Int, of interleaved: UnsafePointer<Float>, frames: Int,
        into mono: UnsafeMutablePointer<Float>
    ) {
        for frame in 0..<frames { mono[frame] = interleaved[frame * channels + channel] }
    }

    /// The mean, computed as that of a file.
    private func mix(
        _ interleaved: UnsafePointer<Float>, frames: Int, into mono: UnsafeMutablePointer<Float>
    ) {
        if channels == 1 { return copy(0, of: interleaved, frames: frames, into: mono) }
        for frame in 0..<frames {
            let values = interleaved + frame * channels
            var sum = values[0]
            for channel in 1..<channels { sum += values[channel] }
            mono[frame] = sum / Float(channels)
        }
    }

    private func clipped(_ interleaved: UnsafePointer<Float>, frames: Int) -> Int {
        let used: Range<Int> =
            switch channel {
            case .number(let number): number - 1..<number
            case .loudest: loudness.channel..<loudness.channel + 1
            case .mix, .each: 0..<channels
            }
        var count = 0
        for frame in 0..<frames {
            let values = interleaved + frame * channels
            if used.contains(where: { values[$0].magnitude >= ClippingCounter.fullScale }) { count += 1 }
        }
        return count
    }
}

/// Follows the loudest channel: changes when another one was 3 dB louder over about a second, and fades from
/// one to the other, so that no click arises.
struct LoudestChannel {
    /// Counted from 0.
    private(set) var channel = 0
    private var previous = 0
    private let channels: Int
    private let fadeFrames: Int
    /// Frames of the fade that have passed.
    private var faded: Int
    private var powers: [Double]
    private let decay: Double
    private var hasBegun = false

    private static let ratio = 2.0  // 3 dB

    init(channels: Int, rateHz: Int) {
        self.channels = channels
        fadeFrames = max(1, rateHz / 50)
        faded = fadeFrames
        powers = Array(repeating: 0, count: channels)
        decay = 1 / Double(rateHz)
    }

    mutating func process(
        _ interleaved: UnsafePointer<Float>, frames: Int, into mono: UnsafeMutablePointer<Float>
    ) {
        for channel in 0..<channels {
            var power = powers[channel]
            for frame in 0..<frames {
                let sample = interleaved[frame * channels + channel]
                let value = CaptureFormat.isUsable(sample) ? Double(sample) : 0
                power += (value * value - power) * decay
            }
            powers[channel] = power
        }
        if faded == fadeFrames { choose() }
        for frame in 0..<frames {
            let values = interleaved + frame * channels
            if faded < fadeFrames {
                let part = Float(faded) / Float(fadeFrames)
                mono[frame] = values[previous] * (1 - part) + values[channel] * part
                faded += 1
            } else {
                mono[frame] = values[channel]
            }
        }
    }

    private mutating func choose() {
        var loudest = channel
        for other in 0..<channels where powers[other] > powers[loudest] { loudest = other }
        guard loudest != channel, powers[loudest] > Self.ratio * powers[channel] else { return }
        (previous, channel) = (channel, loudest)
        // Nothing was classified yet, so there is nothing to fade from.
        faded = hasBegun ? 0 : fadeFrames
        hasBegun = true
    }
}
