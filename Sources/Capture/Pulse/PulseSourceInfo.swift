/// A source of a PulseAudio server: a microphone, a line, or the monitor of an output.
public struct PulseSourceInfo: Equatable, Sendable {
    /// The server's state of a source.
    public enum State: String, Sendable {
        case running, idle, suspended, unknown
    }

    /// The server's name, which survives restarts; use it in specifications.
    public var name: String
    /// The human-readable name.
    public var description: String
    /// Whether it records the output of a sink instead of an input.
    public var isMonitor: Bool
    /// Whether it is the server's default.
    public var isDefault: Bool
    public var state: State
    /// The device's rate in Hz; the server resamples.
    public var rate: Int
    /// The device's number of channels; the server mixes them down.
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
