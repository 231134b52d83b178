internal import Wire

/// What happened at a daemon, for what passes it on.
enum DaemonUpdate: Sendable {
    case connected(Hello, status: StatusReport)
    case disconnected(reason: String)
    /// The names of the loaded adapters.
    case adapters([String])
    case record(LiveRecord)
    /// Changes that are new in the history.
    case stored([HistoryChange])
    /// Changes that the history cannot store now; each arrives once.
    case unsaved([HistoryChange])
}
