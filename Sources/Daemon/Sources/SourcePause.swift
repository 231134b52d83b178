internal import Capture
private import NIOConcurrencyHelpers
internal import Settings

/// Why a source is paused. It captures when the last reason is gone.
struct PauseReasons: Equatable, Sendable {
    var request: RequestedPause?
    /// A file or standard input waits for the first subscriber.
    var isWaiting: Bool
    private(set) var quiet: QuietPeriod?
    /// The quiet hours in which a client has resumed it.
    private var resumed: QuietPeriod?

    init(request: RequestedPause? = nil, isWaiting: Bool = false) {
        (self.request, self.isWaiting) = (request, isWaiting)
    }

    /// For people; `nil` when the source is not paused.
    var message: String? {
        if let request { return request.message() }
        if let quiet, resumed == nil { return quiet.message }
        return isWaiting ? "it is read once a client subscribes" : nil
    }

    /// A client wants the source to capture: also in quiet hours, until their end.
    mutating func resume() {
        (request, isWaiting, resumed) = (nil, false, quiet)
    }

    /// - Parameter period: The quiet hours in progress. With another end they are others, for example because
    ///   the clock was set, and a client has to resume again.
    mutating func setQuiet(_ period: QuietPeriod?) {
        quiet = period
        if period == nil || period?.end != resumed?.end { resumed = nil }
    }
}

/// Pauses and resumes a source, for whatever reason.
///
/// Threading: any thread that may block, and the event loop for a file or standard input. A source follows
/// one change after the other, so that the last one holds.
final class SourcePause: Sendable {
    private struct State {
        var reasons: PauseReasons
        var schedule: QuietSchedule
        /// The minute, since 1970, that was looked at last; `nil`: none since the schedule changed.
        var minute: Int?
        var isStarted = false
    }

    private let input: any AudioSource
    private let monitor: SourceMonitor
    private let clock: WallClock
    /// Locked while the source follows. What a source reports does not come here, so that nothing waits for
    /// itself.
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - reasons: With which `input` was made.
    ///   - schedule: Its quiet hours, with which `reasons` were made.
    init(
        _ input: any AudioSource, _ monitor: SourceMonitor, _ reasons: PauseReasons,
        _ schedule: QuietSchedule,
        _ clock: WallClock
    ) {
        self.input = input
        self.monitor = monitor
        self.clock = clock
        state = NIOLockedValueBox(State(reasons: reasons, schedule: schedule))
    }

    var hasQuietHours: Bool { state.withLockedValue { !$0.schedule.hours.isEmpty } }

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
        state.withLockedValue { self.change(&$0, change) }
    }

    /// Begins or ends quiet hours, as the clock says; returns when the source follows.
    func followClock() {
        state.withLockedValue { state in
            // Quiet hours begin and end with a minute.
            let minute = clock.now / 60
            if minute == state.minute { return }
            state.minute = minute
            let period = state.schedule.period(by: clock)
            change(&state) { $0.setQuiet(period) }
        }
    }

    /// Sets other quiet hours, and follows them.
    func setQuietHours(_ hours: [QuietHours]) {
        state.withLockedValue { ($0.schedule.hours, $0.minute) = (hours, nil) }
        followClock()
    }

    private func change(_ state: inout State, _ change: (inout PauseReasons) -> Void) {
        let before = state.reasons
        change(&state.reasons)
        if state.isStarted && state.reasons != before { follow(state.reasons) }
    }

    private func follow(_ reasons: PauseReasons) {
        guard let message = reasons.message else { return input.resume() }
        monitor.setPauseMessage(message)
        input.pause()
    }
}
