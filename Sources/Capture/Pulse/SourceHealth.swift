/// Keeps the health of a source that may come and go, and says what is news. No I/O.
package struct SourceHealth {
    package private(set) var state: SourceEvent.State?
    private var waitNanos = Self.shortestWaitNanos

    private static let shortestWaitNanos: Int64 = 100_000_000
    /// Who listens for a living is back within a second of its server; asking a socket that often costs nothing.
    private static let longestWaitNanos: Int64 = 1_000_000_000

    package init() {}

    /// Moves to a state.
    ///
    /// - Returns: Whether that is news: the first `healthy`, and every change after it. A source that never
    ///   was healthy can be lost, too, but it cannot be recovering.
    package mutating func move(to next: SourceEvent.State) -> Bool {
        if next == .healthy { waitNanos = Self.shortestWaitNanos }
        if next == state || (next == .recovering && state != .lost && state != .paused) { return false }
        state = next
        return true
    }

    /// How long to wait before the next attempt: 0.1 s, doubling to 1 s, until it is healthy again.
    package mutating func nextWaitNanos() -> Int64 {
        defer { waitNanos = min(waitNanos * 2, Self.longestWaitNanos) }
        return waitNanos
    }
}
