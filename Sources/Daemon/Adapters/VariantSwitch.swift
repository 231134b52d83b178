private import Dispatch
private import NIOConcurrencyHelpers
internal import Recognizer

/// Where the listening thread finds what it is to classify with next, and those who ask for it wait.
///
/// Threading: ``request(_:)`` on any thread but the listening one; the rest on that one. A lock is held for a few
/// instructions.
final class VariantSwitch: Sendable {
    /// What became of a request.
    struct Outcome {
        /// What classified before; the caller gives its memory back.
        let earlier: [Variant]
        /// When the listening thread had done with the window at hand.
        let taken: ContinuousClock.Instant
    }

    /// SAFETY: `outcome` is written before `done` is signalled and read after.
    private final class Request: @unchecked Sendable {
        let variants: [Variant]
        var outcome: Outcome?
        let done = DispatchSemaphore(value: 0)

        init(_ variants: [Variant]) { self.variants = variants }
    }

    private struct State {
        var pending: Request?
        var isOver = false
    }

    private let state = NIOLockedValueBox(State())
    private let wake: @Sendable () -> Void

    /// - Parameter wake: Ends the listening thread's wait for samples.
    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Blocks until the listening thread, between two windows, has taken `variants`. One request at a time.
    ///
    /// - Returns: `nil` when it listens no more.
    func request(_ variants: [Variant]) -> Outcome? {
        let request = Request(variants)
        let isOver = state.withLockedValue { state in
            if !state.isOver { state.pending = request }
            return state.isOver
        }
        if isOver { return nil }
        wake()
        request.done.wait()
        return request.outcome
    }

    /// Calls `change` with what is to classify from now on, if anybody asked.
    ///
    /// - Parameter change: Returns what classified before.
    func takeRequest(_ change: ([Variant]) -> [Variant]) {
        guard let request = state.withLockedValue({ $0.pending }) else { return }
        let taken = ContinuousClock.now
        request.outcome = Outcome(earlier: change(request.variants), taken: taken)
        state.withLockedValue { $0.pending = nil }
        request.done.signal()
    }

    /// Nobody will be served any more.
    func end() {
        let pending = state.withLockedValue { state in
            defer { state = State(pending: nil, isOver: true) }
            return state.pending
        }
        pending?.done.signal()
    }
}
