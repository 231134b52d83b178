internal import Capture
internal import Logging
private import NIOConcurrencyHelpers
internal import Wire

/// The source's health, told to everybody: in the records, in `status`, in the log, to systemd.
///
/// Threading: from anywhere.
final class SourceWatch: Sendable {
    private struct State {
        var report: SourceReport
        var line: String
        var reconnects: UInt64 = 0
        var isMuted = false
        /// Whether it was lost, not paused, when it last was not there.
        var wasLost = false
    }

    private let hub: EventHub
    private let notifier: ServiceNotifier
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    init(name: String, hub: EventHub, notifier: ServiceNotifier, logger: Logger) {
        self.hub = hub
        self.notifier = notifier
        self.logger = logger
        let report = SourceReport(state: .recovering, name: name)
        state = NIOLockedValueBox(State(report: report, line: "waiting for the first sound of \(name)"))
    }

    var report: SourceReport { state.withLockedValue { $0.report } }
    /// Times the source was lost and found again.
    var reconnects: UInt64 { state.withLockedValue { $0.reconnects } }
    var isMuted: Bool { state.withLockedValue { $0.isMuted } }
    /// The line that `systemctl status` shows.
    var line: String { state.withLockedValue { $0.line } }

    func tell(_ event: SourceEvent) {
        let record = SourceRecord(state: .init(event.state), name: event.name, message: event.message)
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
        let message =
            "source \(event.name) is \(event.state.rawValue)\(event.message.map { ": " + $0 } ?? "")"
        logger.log(level: record.state == .lost ? .warning : .info, "\(message)")
    }

    private static func line(_ event: SourceEvent) -> String {
        switch event.state {
        case .healthy: "listening to \(event.name)"
        case .lost: "not listening: \(event.message ?? event.name + " is lost")"
        case .recovering: "\(event.name) is back: waiting for its first sound"
        case .paused: "paused: nothing is recorded"
        }
    }

    /// There has been digital silence for long, or no more.
    func tellMuted(_ isMuted: Bool) {
        let report = state.withLockedValue { state in
            state.isMuted = isMuted
            return state.report
        }
        let message =
            isMuted
            ? "nothing but digital silence for long: is the microphone muted?" : "there is sound again"
        hub.publish(.source(SourceRecord(state: report.state, name: report.name, message: message)))
        logger.log(level: isMuted ? .warning : .info, "source \(report.name): \(message)")
    }
}

extension SourceRecord.State {
    fileprivate init(_ state: SourceEvent.State) {
        switch state {
        case .healthy: self = .healthy
        case .lost: self = .lost
        case .recovering: self = .recovering
        case .paused: self = .paused
        }
    }
}
