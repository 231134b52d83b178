/// Which channels of a live source are classified.
public enum SourceChannel: Equatable, Sendable {
    /// The mean of all channels.
    case mix
    /// One channel, counted from 1.
    case number(Int)
    /// The channel that is loudest now.
    case loudest
    /// Each channel by itself, as a stream of its own.
    case each

    /// - Parameter text: `mix`, `left` (1), `right` (2), `loudest`, `each` or a number from 1 to 64.
    public init?(_ text: String) {
        switch text {
        case "mix": self = .mix
        case "left": self = .number(1)
        case "right": self = .number(2)
        case "loudest": self = .loudest
        case "each": self = .each
        default:
            guard let number = Int(text), (1...DecodedFormat.maximumChannels).contains(number) else {
                return nil
            }
            self = .number(number)
        }
    }
}

/// What happens to the sound of a live source before it is classified.
public struct SignalSettings: Equatable, Sendable {
    public var channel: SourceChannel
    /// Decibels by which samples are amplified.
    public var gainDB: Double
    /// Cut-off frequency of the high-pass filter in Hz; nil for none.
    public var highPassHz: Double?
    /// How many channels have a stream of their own, if each has.
    var expectedChannels: Int?

    public init(channel: SourceChannel = .mix, gainDB: Double = 0, highPassHz: Double? = nil) {
        self.channel = channel
        self.gainDB = gainDB
        self.highPassHz = highPassHz
    }
}
