internal import Capture
internal import Logging
private import NIOConcurrencyHelpers
internal import Wire

/// The state of the source and its reason: publishes it as records, in `status`, in the log and to systemd,
/// and posts to the pipeline what concerns it.
///
/// Threading: any thread. Changes are published one after the other, so that the last record is the current
/// state; readers do not wait for that.
final class SourceMonitor: Sendable {
    private struct State {
        /// Its name in the settings.
        let source: String?
        /// The channel of a source with `channel: each`; otherwise `nil`.
        let channel: Int?
        var state = SourceRecord.State.recovering
        var name: String
        /// Why the source is lost.
        var reason: String?
        var condition = StreamCondition()
        /// What the source reports about its sound.
        var signal = SignalCondition()
        var reconnects: UInt64 = 0
        /// Whether the source was lost, and not paused, since it was last healthy.
        var wasLost = false
        /// Whether an event has arrived.
        var hasBegun = false
        /// Why the source is paused.
        var pauseMessage = "nothing is recorded until `astctl resume`"
        /// How the stream has ended, while its last windows are classified.
        var end: String?

        mutating func change(to next: SourceRecord.State, _ event: SourceEvent) {
            if next == .healthy && wasLost { reconnects += 1 }
            if next != .recovering { wasLost = next == .lost }
            hasBegun = true
            (state, name, reason) = (next, event.name, event.message)
        }

        /// What is wrong with the sound of a source that delivers samples.
        var soundMessage: String? {
            let parts = [signal.message, condition.message].compactMap { $0 }
            return parts.isEmpty ? nil : parts.joined(separator: "; ")
        }

        var record: SourceRecord {
            let message: String? =
                switch state {
                case .healthy: soundMessage
                case .lost: reason
                case .recovering: "its first samples have not arrived"
                case .paused: pauseMessage
                case .ended: reason
                }
            var record = SourceRecord(source: source, state: state, name: name, message: message)
            record.channel = channel
            return record
        }

        var line: String {
            switch state {
            case .healthy: "listening to \(name)" + (soundMessage.map { "; " + $0 } ?? "")
            case .lost: "not listening: \(reason ?? name + " is lost")"
            case .recovering where !hasBegun: "waiting for its first samples: \(name)"
            case .recovering: "\(name) is back; waiting for its first samples"
            case .paused: "paused; \(record.message ?? "nothing is recorded")"
            case .ended: "\(name) has ended" + (reason.map { ": " + $0 } ?? "")
            }
        }
    }

    private let hub: EventHub
    private let commands: CommandMailbox
    private let onChange: @Sendable () -> Void
    private let logger: Logger
    private let state: NIOLockedValueBox<State>
    /// Held while a change is published.
    private let turn = NIOLock()

    /// - Parameters:
    ///   - source: Its name in the settings; `nil` for a single source without a name.
    ///   - channel: The channel of a source with `channel: each`; otherwise `nil`.
    ///   - onChange: Called when ``line`` may have changed.
    init(
        source: String? = nil, channel: Int? = nil, name: String, hub: EventHub, commands: CommandMailbox,
        logger: Logger,
        onChange: @escaping @Sendable () -> Void = {}
    ) {
        self.hub = hub
        self.commands = commands
        self.onChange = onChange
        self.logger = logger
        let state = State(source: source, channel: channel, name: name)
        self.state = NIOLockedValueBox(state)
        hub.retain(.source(state.record))
    }

    /// The current `source` record.
    var record: SourceRecord { state.withLockedValue { $0.record } }
    /// What the pipeline and the source report about the sound; nothing while none arrives.
    var sound: (condition: StreamCondition, signal: SignalCondition) {
        state.withLockedValue { state in
            state.state == .healthy
                ? (state.condition, state.signal) : (StreamCondition(), SignalCondition())
        }
    }
    /// Times the source was lost and recovered.
    var reconnects: UInt64 { state.withLockedValue { $0.reconnects } }
    /// The line that `systemctl status` shows.
    var line: String { state.withLockedValue { $0.line } }

    /// Called by the source when its health changes; returns soon.
    @Sendable func process(_ event: SourceEvent) {
        turn.withLock {
            if let signal = event.signal { return process(signal, of: event.name) }
            let subject = subject(event.name)
            guard let next = SourceRecord.State(event.state) else {
                // Its last windows are not classified yet; ``end(_:)`` follows.
                _ = update { $0.end = event.message }
                return logger.info("\(subject) has ended\(event.message.map { ": " + $0 } ?? "")")
            }
            let before = update { $0.change(to: next, event) }
            let reason = next == .paused ? record.message : event.message ?? record.message
            logger.log(
                level: next == .lost ? .warning : .info,
                "\(subject) is \(next.rawValue)\(reason.map { ": " + $0 } ?? "")")
            // Another reason of the same loss is not another interruption.
            guard before.state != next else { return }
            switch next {
            case .lost: commands.post(.sourceLost)
            case .paused: commands.post(.pause)
            case .healthy, .recovering, .ended: break
            }
        }
    }

    /// Sets the reason of a pause, before the source is paused or while it is.
    func setPauseMessage(_ message: String) {
        turn.withLock {
            let before = update { $0.pauseMessage = message }
            guard before.state == .paused, before.message != message else { return }
            logger.info("\(subject(before.name)) is paused: \(message)")
        }
    }

    /// The source is about to be started.
    func begin() { logger.info("\(subject(record.name)): waiting for its first samples") }

    /// The stream has ended, and its last window is classified.
    ///
    /// - Parameter message: Why; nil when the source has reported it.
    func end(_ message: String?) {
        turn.withLock {
            _ = update { state in
                (state.state, state.reason) = (.ended, message ?? state.end)
            }
        }
    }

    /// How log lines call the source: its name, and what it captures from.
    private func subject(_ input: String) -> String {
        "source " + state.withLockedValue { $0.source.map { "\($0) (\(input))" } ?? input }
    }

    /// Called with ``turn`` held.
    private func process(_ signal: SignalCondition, of name: String) {
        let before = state.withLockedValue { $0.signal.message }
        _ = update { $0.signal = signal }
        // Digital silence has no message here: it counts as muted later.
        guard signal.message != before else { return }
        if let message = signal.message {
            logger.warning("\(subject(name)): \(message)")
        } else {
            logger.info("\(subject(name)): its sound is in order again")
        }
    }

    /// Called by the pipeline when its condition changes; returns soon.
    @Sendable func process(_ condition: StreamCondition) {
        turn.withLock {
            let wasMuted = state.withLockedValue { $0.condition.isMuted }
            let before = update { $0.condition = condition }
            if condition.isMuted && !wasMuted {
                logger.warning("\(subject(before.name)): \(StreamCondition.mutedMessage)")
            } else if wasMuted && !condition.isMuted {
                // Sound has returned, or `muted_after` was raised.
                logger.info("\(subject(before.name)): no longer counts as muted")
            }
        }
    }

    /// Changes the state, and publishes it if the record has changed.
    ///
    /// - Returns: The record before.
    private func update(_ change: (inout State) -> Void) -> SourceRecord {
        let (before, after) = state.withLockedValue { state in
            let before = state.record
            change(&state)
            return (before, state.record)
        }
        if after != before {
            hub.publish(.source(after))
            onChange()
        }
        return before
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
