/// Tracks the health of a source that may disappear and return, and which changes are reported. No I/O.
package struct SourceHealth {
    package private(set) var state: SourceEvent.State?
    /// Why the source is lost.
    private var reason: String?
    private var waitNanos = Self.shortestWaitNanos

    private static let shortestWaitNanos: Int64 = 100_000_000
    /// A daemon must be back within a second of its server, and connecting to a socket that often is cheap.
    private static let longestWaitNanos: Int64 = 1_000_000_000

    package init() {}

    /// Moves to a state.
    ///
    /// - Parameter reason: Why the source is lost; the last one reported is the current one.
    /// - Returns: Whether the change is reported: every change of the state or of the reason is, except to
    ///   `recovering` from a state other than lost or paused.
    package mutating func move(to next: SourceEvent.State, because reason: String? = nil) -> Bool {
        if next == .healthy { waitNanos = Self.shortestWaitNanos }
        if next == state && reason == self.reason { return false }
        if next == .recovering && state != .lost && state != .paused { return false }
        (state, self.reason) = (next, reason)
        return true
    }

    /// Returns the time to wait before the next attempt: 0.1 s, doubling to 1 s until the source is healthy.
    package mutating func nextWaitNanos() -> Int64 {
        defer { waitNanos = min(waitNanos * 2, Self.longestWaitNanos) }
        return waitNanos
    }
}
