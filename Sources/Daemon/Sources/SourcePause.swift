internal import Capture
private import NIOConcurrencyHelpers

/// Why a source is paused. It captures only when there is no reason left.
struct PauseReasons: Equatable, Sendable {
    var request: RequestedPause?
    /// A file or standard input waits for the first subscriber.
    var isWaiting = false

    /// For people; `nil` when the source is not paused.
    var message: String? {
        request?.message() ?? (isWaiting ? "it is read once a client subscribes" : nil)
    }
}

/// Pauses and resumes a source, for whatever reason.
///
/// Threading: any thread that may block, and the event loop for a file or standard input. A source follows
/// one change after the other, so that the last one holds.
final class SourcePause: Sendable {
    private struct State {
        var reasons: PauseReasons
        var isStarted = false
    }

    private let input: any AudioSource
    private let monitor: SourceMonitor
    /// Locked while the source follows. What a source reports does not come here, so that nothing waits for
    /// itself.
    private let state: NIOLockedValueBox<State>

    /// - Parameter reasons: With which `input` was made.
    init(_ input: any AudioSource, _ monitor: SourceMonitor, _ reasons: PauseReasons) {
        self.input = input
        self.monitor = monitor
        state = NIOLockedValueBox(State(reasons: reasons))
    }

    /// Starts the source.
    ///
    /// - Parameter request: What is requested now; a request may have come since the source was made.
    func start(
        request: RequestedPause?, _ start: () throws(CaptureError) -> Void
    ) throws(CaptureError) {
        let result = state.withLockedValue { state -> Result<Void, CaptureError> in
            state.reasons.message.map(monitor.setPauseMessage)
            do throws(CaptureError) { try start() } catch { return .failure(error) }
            state.isStarted = true
            state.reasons.request = request
            follow(state.reasons)
            return .success(())
        }
        try result.get()
    }

    /// Changes the reasons; returns when the source follows.
    func change(_ change: (inout PauseReasons) -> Void) {
        state.withLockedValue { state in
            let before = state.reasons
            change(&state.reasons)
            if state.isStarted && state.reasons != before { follow(state.reasons) }
        }
    }

    private func follow(_ reasons: PauseReasons) {
        guard let message = reasons.message else { return input.resume() }
        monitor.setPauseMessage(message)
        input.pause()
    }
}
