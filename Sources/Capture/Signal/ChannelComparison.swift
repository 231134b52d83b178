/// Compares the channels of a source: channels that cancel each other when they are mixed, as those of a
/// microphone with one wire reversed, and channels without sound beside others with sound.
package struct ChannelComparison {
    package enum Fault: Equatable, Sendable {
        /// Two channels, counted from 1, whose correlation is below ``cancellingCorrelation``.
        case cancelling(Int, Int)
        /// A channel, counted from 1, that is silent while another is not.
        case silent(Int)
    }

    /// What has lasted for a minute; nil for nothing.
    package private(set) var fault: Fault?

    package static let cancellingCorrelation = -0.9
    /// More channels than these are not compared.
    private static let maximumChannels = 8
    /// Mean squares of -80 and -60 dBFS: a silent channel, and one with sound.
    private static let (silentPower, soundPower) = (1e-8, 1e-6)

    private let channels: Int
    private let rateHz: Int
    private var cancelling: LastingFault
    private var silent: LastingFault
    private var frames = 0
    /// `[channels, channels]` sums of products over a second; only on and above the diagonal.
    private var products: [Double]
    private var powers: [Double]

    /// - Parameter limitSeconds: How long a fault is present before it is reported.
    package init(channels: Int, rateHz: Int, limitSeconds: Double = 60) {
        self.channels = min(channels, Self.maximumChannels)
        self.rateHz = rateHz
        cancelling = LastingFault(limitSeconds: limitSeconds)
        silent = LastingFault(limitSeconds: limitSeconds)
        products = Array(repeating: 0, count: self.channels * self.channels)
        powers = Array(repeating: 0, count: self.channels)
    }

    /// - Parameters:
    ///   - interleaved: The next frames, usable values only.
    ///   - stride: Samples from one frame to the next.
    /// - Returns: Whether ``fault`` changed.
    package mutating func process(_ interleaved: UnsafePointer<Float>, frames count: Int, stride: Int) -> Bool
    {
        let before = fault
        for frame in 0..<count {
            let values = interleaved + frame * stride
            for first in 0..<channels {
                for second in first..<channels {
                    products[first * channels + second] += Double(values[first]) * Double(values[second])
                }
            }
            frames += 1
            if frames == rateHz { judge() }
        }
        return fault != before
    }

    private mutating func judge() {
        defer {
            frames = 0
            for index in products.indices { products[index] = 0 }
        }
        var opposite: Fault?
        var quiet: Fault?
        for channel in 0..<channels {
            powers[channel] = products[channel * channels + channel] / Double(frames)
        }
        for first in 0..<channels {
            if powers[first] < Self.silentPower && (powers.max() ?? 0) > Self.soundPower {
                quiet = quiet ?? .silent(first + 1)
            }
            for second in first + 1..<max(channels, first + 1) {
                let mean = (powers[first] * powers[second]).squareRoot() * Double(frames)
                guard min(powers[first], powers[second]) > Self.silentPower else { continue }
                if products[first * channels + second] < Self.cancellingCorrelation * mean {
                    opposite = opposite ?? .cancelling(first + 1, second + 1)
                }
            }
        }
        // A second without sound says nothing.
        guard (powers.max() ?? 0) > Self.soundPower else { return }
        let changes = (
            cancelling.update(isPresent: opposite != nil, seconds: 1),
            silent.update(isPresent: quiet != nil, seconds: 1)
        )
        guard changes.0 || changes.1 else { return }
        fault = cancelling.isLasting ? opposite ?? fault : silent.isLasting ? quiet ?? fault : nil
    }
}
