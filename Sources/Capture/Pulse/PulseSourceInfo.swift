/// A source of a PulseAudio server: a microphone, a line, or the monitor of an output.
public struct PulseSourceInfo: Equatable, Sendable {
    /// What the server is doing with a source.
    public enum State: String, Sendable {
        case running, idle, suspended, unknown
    }

    /// The name that stays the same over restarts; what a specification should use.
    public var name: String
    /// The name for people.
    public var description: String
    /// Whether it is what an output plays, not what a microphone hears.
    public var isMonitor: Bool
    /// Whether the server takes it when none is named.
    public var isDefault: Bool
    public var state: State
    /// The device's own rate in Hz; it is resampled for us.
    public var rate: Int
    /// The device's own number of channels; they are mixed down for us.
    public var channels: Int

    public init(
        name: String, description: String, isMonitor: Bool, isDefault: Bool, state: State, rate: Int,
        channels: Int
    ) {
        self.name = name
        self.description = description
        self.isMonitor = isMonitor
        self.isDefault = isDefault
        self.state = state
        self.rate = rate
        self.channels = channels
    }
}
