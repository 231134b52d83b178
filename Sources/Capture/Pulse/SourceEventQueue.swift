private import Dispatch

/// Delivers a source's events in their order, with no lock held.
///
/// libpulse runs its callbacks with the main loop's lock held, and foreign code must not run under it: if
/// a handler waited for another thread, and that thread for the lock, neither would continue.
///
/// Threading: any thread posts; the handler runs on the queue's own thread, one event at a time.
final class SourceEventQueue: Sendable {
    private let queue = DispatchQueue(label: "astd-source-events")
    private let handler: @Sendable (SourceEvent) -> Void

    init(handler: @escaping @Sendable (SourceEvent) -> Void) { self.handler = handler }

    /// Returns at once.
    func post(_ event: SourceEvent) {
        let handler = handler
        queue.async { handler(event) }
    }

    /// Blocks until the handler has returned for every event that was posted. Not to be called by the
    /// handler.
    func drain() { queue.sync {} }
}
