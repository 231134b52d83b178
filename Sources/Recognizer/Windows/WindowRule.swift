/// Where the last window of a file or stream starts when no window at a multiple of the hop ends there.
public enum LastWindow: String, CaseIterable, Sendable {
    /// So that it ends with the sound: a full window that overlaps its predecessor by more than the others.
    case end
    /// One hop after its predecessor; what is missing is padding.
    case padded
}

/// Which channels of a file are classified.
public enum ChannelChoice: Sendable, Equatable {
    /// The mean of all channels.
    case mix
    /// One channel, counted from 1.
    case number(Int)
    /// Each channel by itself.
    case each

    /// - Parameter text: `mix`, `left` (1), `right` (2), `each` or a number from 1.
    public init?(_ text: String) {
        switch text {
        case "mix": self = .mix
        case "left": self = .number(1)
        case "right": self = .number(2)
        case "each": self = .each
        default:
            guard let number = Int(text), number >= 1 else { return nil }
            self = .number(number)
        }
    }
}

extension ChannelChoice: CustomStringConvertible {
    public var description: String {
        switch self {
        case .mix: "mix"
        case .number(let number): "\(number)"
        case .each: "each"
        }
    }
}

/// Which windows a file has.
public struct WindowRule: Sendable, Equatable {
    /// Frames of 10 ms from the start of one window to the start of the next, at least 1; `nil` for the
    /// window's length.
    public var hopFrames: Int?
    public var lastWindow: LastWindow
    /// A last window that would add fewer frames is left out, unless it is the only one.
    public var minimumFrames: Int
    public var channels: ChannelChoice

    public init(
        hopFrames: Int? = nil, lastWindow: LastWindow = .end, minimumFrames: Int = 0,
        channels: ChannelChoice = .mix
    ) {
        self.hopFrames = hopFrames
        self.lastWindow = lastWindow
        self.minimumFrames = minimumFrames
        self.channels = channels
    }
}
