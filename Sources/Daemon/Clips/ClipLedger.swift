private import Capture
private import NIOConcurrencyHelpers

/// What the clips' ages and order follow from where the wall clock may have been wrong: the clips that this
/// daemon has written, by the machine's monotonic clock, and since when the wall clock has not been set.
///
/// Threading: any thread.
final class ClipLedger: Sendable {
    /// A clip of this run.
    struct Entry: Equatable {
        /// Counts the clips of the run.
        var number: Int
        var writtenNanos: Int64
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var lastNumber = 0
        /// The wall clock's offset to the monotonic clock when it was last seen, and since when it is that.
        var offsetNanos: Int64
        var steadySinceNanos: Int64
    }

    private let state: NIOLockedValueBox<State>
    private let bootNanos: @Sendable () -> Int64
    private let wallOffsetNanos: @Sendable () -> Int64

    /// For so long the wall clock must not have been set before it decides about the age of older clips.
    static let steadyNanos = Int64(3_600_000_000_000)
    /// A larger change of the offset is a jump; NTP slews by less between two looks.
    private static let jumpNanos = Int64(60_000_000_000)

    /// - Parameters:
    ///   - bootNanos: The monotonic clock, CLOCK_BOOTTIME.
    ///   - wallOffsetNanos: The wall clock less the monotonic clock.
    init(
        bootNanos: @escaping @Sendable () -> Int64 = { SystemClock.bootNanos },
        wallOffsetNanos: @escaping @Sendable () -> Int64 = { SystemClock.wallOffsetNanos }
    ) {
        self.bootNanos = bootNanos
        self.wallOffsetNanos = wallOffsetNanos
        state = NIOLockedValueBox(State(offsetNanos: wallOffsetNanos(), steadySinceNanos: bootNanos()))
    }

    /// A clip was written.
    func add(_ path: String) {
        let now = bootNanos()
        state.withLockedValue { state in
            state.lastNumber += 1
            state.entries[path] = Entry(number: state.lastNumber, writtenNanos: now)
        }
    }

    func remove(_ path: String) { state.withLockedValue { $0.entries[path] = nil } }

    /// `nil` for a clip of another run.
    func entry(of path: String) -> Entry? { state.withLockedValue { $0.entries[path] } }

    /// How old a clip is; `nil` while that is not known.
    ///
    /// - Parameter modifiedNanos: The time of its file, in nanoseconds since 1970.
    func ageNanos(of path: String, modifiedNanos: Int64) -> Int64? {
        let (now, offset) = (bootNanos(), wallOffsetNanos())
        return state.withLockedValue { state in
            if abs(offset - state.offsetNanos) > Self.jumpNanos { state.steadySinceNanos = now }
            state.offsetNanos = offset
            if let entry = state.entries[path] { return now - entry.writtenNanos }
            guard now - state.steadySinceNanos >= Self.steadyNanos else { return nil }
            return now + offset - modifiedNanos
        }
    }
}
