import Capture
import Synchronization
import TestSupport

/// The events of a source, in order.
final class EventLog: Sendable {
    private let events = Mutex<[SourceEvent]>([])

    var all: [SourceEvent] { events.withLock { $0 } }
    var states: [SourceEvent.State] { all.map(\.state) }
    /// The states without repetitions: a loss is reported again when its reason changes.
    var changes: [SourceEvent.State] {
        states.reduce(into: []) { changes, state in if changes.last != state { changes.append(state) } }
    }

    func add(_ event: SourceEvent) { events.withLock { $0.append(event) } }

    /// Waits until a state has been reported `times` times.
    func wait(for state: SourceEvent.State, times: Int = 1) async throws {
        try await eventually("\(state) reported \(times) times") {
            all
        } until: { events in
            events.count { $0.state == state } >= times
        }
    }
}
