/// Decides when a live source that delivers no samples is lost. No I/O.
///
/// Only the time in which this process runs counts. A process that was stopped (SIGSTOP, a debugger, a sleep
/// of the machine) or starved receives no samples either, but its source is not lost: the samples wait at the
/// server.
package struct NoDataWatchdog {
    /// A source without samples for this long is lost.
    package static let limitNanos: Int64 = 3_000_000_000
    /// Time from one ``tick(atNanos:)`` to the next.
    package static let tickNanos: Int64 = 500_000_000
    /// Two ticks that are at least this far apart mean that the process was stopped between them.
    private static let stallNanos: Int64 = 2 * tickNanos

    private var lastTickNanos: Int64
    private var silentNanos: Int64 = 0

    /// - Parameter nanos: The time now, of a clock that does not stop while the machine sleeps.
    package init(atNanos nanos: Int64) { lastTickNanos = nanos }

    /// Whether samples are missing for so long that the cause is worth looking for: two ticks.
    package var isSilent: Bool { silentNanos >= Self.tickNanos }

    /// Samples have arrived.
    package mutating func recordArrival() { silentNanos = 0 }

    /// To be called every ``tickNanos``.
    ///
    /// - Returns: Whether the source is lost.
    package mutating func tick(atNanos nanos: Int64) -> Bool {
        let passed = nanos - lastTickNanos
        lastTickNanos = nanos
        silentNanos = passed < Self.stallNanos ? silentNanos + passed : 0
        return silentNanos >= Self.limitNanos
    }
}
