internal import Capture
internal import Logging
private import NIOConcurrencyHelpers
internal import Wire

/// The source's health: publishes it as records, in `status`, in the log and to systemd, and posts to the
/// pipeline what concerns it.
///
/// Threading: any thread.
final class SourceMonitor: Sendable {
    private struct State {
        var report: SourceReport
        var line: String
        var reconnects: UInt64 = 0
        var isMuted = false
        /// Whether the source was lost, and not paused, since it was last healthy.
        var wasLost = false
    }

    private let hub: EventHub
    private let commands: CommandMailbox
    private let notifier: ServiceNotifier
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    init(
        name: String, hub: EventHub, commands: CommandMailbox, notifier: ServiceNotifier, logger: Logger
    ) {
        self.hub = hub
        self.commands = commands
        self.notifier = notifier
        self.logger = logger
        let report = SourceReport(state: .recovering, name: name)
        state = NIOLockedValueBox(State(report: report, line: "waiting for the first samples of \(name)"))
    }

    var report: SourceReport { state.withLockedValue { $0.report } }
    /// Times the source was lost and recovered.
    var reconnects: UInt64 { state.withLockedValue { $0.reconnects } }
    var isMuted: Bool { state.withLockedValue { $0.isMuted } }
    /// The line that `systemctl status` shows.
    var line: String { state.withLockedValue { $0.line } }

    /// Called by the source when its health changes; returns soon.
    @Sendable func process(_ event: SourceEvent) {
        guard let recordState = SourceRecord.State(event.state) else {
            // The daemon ends with its source, so there is no state for clients.
            return logger.info("source \(event.name) has ended\(event.message.map { ": " + $0 } ?? "")")
        }
        let record = SourceRecord(state: recordState, name: event.name, message: event.message)
        let line = Self.line(event)
        state.withLockedValue { state in
            if state.report.state == .recovering && record.state == .healthy && state.wasLost {
                state.reconnects += 1
            }
            if record.state != .recovering { state.wasLost = record.state == .lost }
            state.report = SourceReport(state: record.state, name: record.name)
            state.line = line
        }
        hub.publish(.source(record))
        notifier.status(line)
        let reason = event.message.map { ": " + $0 } ?? ""
        logger.log(
            level: record.state == .lost ? .warning : .info,
            "source \(event.name) is \(event.state.rawValue)\(reason)")
        switch event.state {
        case .lost: commands.post(.sourceLost)
        case .paused: commands.post(.pause)
        case .healthy, .recovering, .ended: break
        }
    }

    private static func line(_ event: SourceEvent) -> String {
        switch event.state {
        case .healthy: "listening to \(event.name)"
        case .lost: "not listening: \(event.message ?? event.name + " is lost")"
        case .recovering: "\(event.name) is back; waiting for its first samples"
        case .paused: "paused; nothing is recorded"
        case .ended: "\(event.name) has ended"
        }
    }

    /// Called when the microphone was muted or unmuted.
    @Sendable func publishMuted(_ isMuted: Bool) {
        let report = state.withLockedValue { state in
            state.isMuted = isMuted
            return state.report
        }
        let message =
            isMuted ? "only digital silence: is the microphone muted?" : "delivers sound again"
        hub.publish(.source(SourceRecord(state: report.state, name: report.name, message: message)))
        logger.log(level: isMuted ? .warning : .info, "source \(report.name): \(message)")
    }
}

extension SourceRecord.State {
    /// nil for the end of the source.
    fileprivate init?(_ state: SourceEvent.State) {
        switch state {
        case .healthy: self = .healthy
        case .lost: self = .lost
        case .recovering: self = .recovering
        case .paused: self = .paused
        case .ended: return nil
        }
    }
}
