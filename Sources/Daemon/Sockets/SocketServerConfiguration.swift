public import Glibc

/// Where the sockets are, who may use them, and how many at a time.
public struct SocketServerConfiguration: Sendable {
    /// Directory of `astd.sock` and `events.sock`; made when it is missing.
    public var runtimeDirectory: String
    /// Group the socket files are given to when it exists; nil to leave them alone.
    public var groupName: String?
    /// Permissions of `astd.sock`.
    public var controlMode: mode_t
    /// Permissions of `events.sock`.
    public var eventsMode: mode_t
    /// Most clients of each socket.
    public var maximumClients: Int
    /// Sockets that systemd handed over; each takes the place of the one of its name.
    public var inherited: InheritedSockets

    public init(
        runtimeDirectory: String, groupName: String? = "astd", controlMode: mode_t = 0o660,
        eventsMode: mode_t = 0o660, maximumClients: Int = 1024,
        inherited: InheritedSockets = .none
    ) {
        self.runtimeDirectory = runtimeDirectory
        self.groupName = groupName
        self.controlMode = controlMode
        self.eventsMode = eventsMode
        self.maximumClients = maximumClients
        self.inherited = inherited
    }
}
