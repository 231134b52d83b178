/// Makes mono samples of interleaved frames: the mean of all channels, or one of them.
///
/// It also compares the power of the mean with that of the loudest channel. Channels that cancel each other,
/// as those of a microphone with one wire reversed, have a mean that is nearly silent.
struct ChannelMixer {
    /// Counted from 1; nil for the mean.
    var channel: Int?
    /// Seconds in which the mean was ``quietRatio`` quieter than the loudest channel.
    private(set) var quietSeconds = 0.0
    private var energies: [Double] = []

    /// 20 dB.
    private static let quietRatio = 100.0
    /// -70 dBFS: in a block whose loudest channel is below this, there is nothing to lose.
    private static let silentPower = 1e-7

    /// - Parameters:
    ///   - interleaved: `[frames, channels]`.
    ///   - mono: Receives `frames` samples.
    mutating func mix(
        _ interleaved: UnsafePointer<Float>, channels: Int, frames: Int, rateHz: Int,
        into mono: UnsafeMutablePointer<Float>
    ) {
        if let channel {
            for frame in 0..<frames { mono[frame] = interleaved[frame * channels + channel - 1] }
            return
        }
        let scale = Float(channels)
        for frame in 0..<frames {
            let first = interleaved + frame * channels
            var value = first[0]
            if channels > 1 {
                for channel in 1..<channels { value += first[channel] }
                value /= scale
            }
            mono[frame] = value
        }
        if channels > 1 { compare(interleaved, channels: channels, frames: frames, rateHz: rateHz, mono) }
    }

    private mutating func compare(
        _ interleaved: UnsafePointer<Float>, channels: Int, frames: Int, rateHz: Int,
        _ mono: UnsafeMutablePointer<Float>
    ) {
        if energies.count != channels { energies = Array(repeating: 0, count: channels) }
        for channel in 0..<channels { energies[channel] = 0 }
        var mixed = 0.0
        for frame in 0..<frames {
            mixed += Double(mono[frame]) * Double(mono[frame])
            for channel in 0..<channels {
                let value = Double(interleaved[frame * channels + channel])
                energies[channel] += value * value
            }
        }
        let loudest = energies.max() ?? 0
        if loudest > Self.silentPower * Double(frames) && mixed * Self.quietRatio < loudest {
            quietSeconds += Double(frames) / Double(rateHz)
        }
    }
}
