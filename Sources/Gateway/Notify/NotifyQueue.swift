internal import SystemSupport

/// The notifications of one rule that wait for its receiver.
///
/// Of too many, the oldest are dropped and counted.
///
/// Threading: any thread.
final class NotifyQueue: Sendable {
    static let capacity = 20

    private struct State {
        var waiting: [NotifiedEvent] = []
        var dropped = 0
        var isClosed = false
    }

    private let state = ConditionLocked(State())

    func append(_ event: NotifiedEvent) {
        state.change { state in
            state.waiting.append(event)
            if state.waiting.count > Self.capacity {
                state.waiting.removeFirst()
                state.dropped += 1
            }
        }
    }

    /// Waits for the next notification.
    ///
    /// - Returns: With the number of those that were dropped since the last call; nil when the queue is
    ///   closed.
    func next() -> (event: NotifiedEvent, dropped: Int)? {
        let found = state.wait { state -> (event: NotifiedEvent, dropped: Int)?? in
            if state.isClosed { return .some(nil) }
            guard !state.waiting.isEmpty else { return nil }
            defer { state.dropped = 0 }
            return (state.waiting.removeFirst(), state.dropped)
        }
        return found ?? nil
    }

    /// Waits until the time is over or the queue is closed.
    func pause(milliseconds: Int) {
        _ = state.wait(milliseconds: milliseconds) { $0.isClosed ? true : nil }
    }

    /// - Returns: How many notifications still waited, and how many were dropped since the last ``next()``.
    @discardableResult
    func close() -> (waiting: Int, dropped: Int) {
        state.change { state in
            state.isClosed = true
            return (state.waiting.count, state.dropped)
        }
    }

    var isClosed: Bool { state.change { $0.isClosed } }
}
