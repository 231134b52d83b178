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
        var state = SourceRecord.State.recovering
        var name: String
        /// Why the source is lost.
        var reason: String?
        var condition = StreamCondition()
        /// What the source reports about its sound.
        var signal: String?
        var reconnects: UInt64 = 0
        /// Whether the source was lost, and not paused, since it was last healthy.
        var wasLost = false
        /// Whether an event has arrived.
        var hasBegun = false
        /// Why the source is paused.
        var pauseMessage = "nothing is recorded until `astctl resume`"

        mutating func change(to next: SourceRecord.State, _ event: SourceEvent) {
            if next == .healthy && wasLost { reconnects += 1 }
            if next != .recovering { wasLost = next == .lost }
            hasBegun = true
            (state, name, reason) = (next, event.name, event.message)
        }

        /// What is wrong with the sound of a source that delivers samples.
        var soundMessage: String? {
            let parts = [signal, condition.message].compactMap { $0 }
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
            return SourceRecord(source: source, state: state, name: name, message: message)
        }

        var line: String {
            switch state {
            case .healthy: "listening to \(name)" + (soundMessage.map { "; " + $0 } ?? "")
            case .lost: "not listening: \(reason ?? name + " is lost")"
            case .recovering where !hasBegun: "waiting for the first samples of \(name)"
            case .recovering: "\(name) is back; waiting for its first samples"
            case .paused: "paused; \(record.message ?? "nothing is recorded")"
            case .ended: "\(name) has ended"
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
    ///   - onChange: Called when ``line`` may have changed.
    init(
        source: String? = nil, name: String, hub: EventHub, commands: CommandMailbox, logger: Logger,
        onChange: @escaping @Sendable () -> Void = {}
    ) {
        self.hub = hub
        self.commands = commands
        self.onChange = onChange
        self.logger = logger
        let state = State(source: source, name: name)
        self.state = NIOLockedValueBox(state)
        hub.retain(.source(state.record))
    }

    /// The current `source` record.
    var record: SourceRecord { state.withLockedValue { $0.record } }
    /// What the pipeline reports about the sound.
    var condition: StreamCondition { state.withLockedValue { $0.condition } }
    /// Times the source was lost and recovered.
    var reconnects: UInt64 { state.withLockedValue { $0.reconnects } }
    /// The line that `systemctl status` shows.
    var line: String { state.withLockedValue { $0.line } }

    /// Called by the source when its health changes; returns soon.
    @Sendable func process(_ event: SourceEvent) {
        turn.withLock {
            if let signal = event.signal { return process(signal, of: event.name) }
            var reason = event.message.map { ": " + $0 } ?? ""
            let subject = subject(event.name)
            guard let next = SourceRecord.State(event.state) else {
                // Its last windows are not classified yet; ``end(_:)`` follows.
                return logger.info("\(subject) has ended\(reason)")
            }
            let before = update { $0.change(to: next, event) }
            if next == .paused { reason = record.message.map { ": " + $0 } ?? "" }
            logger.log(
                level: next == .lost ? .warning : .info, "\(subject) is \(next.rawValue)\(reason)")
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

    /// The stream has ended, and its last window is classified.
    func end(_ message: String) {
        turn.withLock {
            _ = update { state in
                (state.state, state.reason) = (.ended, message)
            }
        }
    }

    /// How log lines call the source: its name, and what it captures from.
    private func subject(_ input: String) -> String {
        "source " + state.withLockedValue { $0.source.map { "\($0) (\(input))" } ?? input }
    }

    /// Called with ``turn`` held.
    private func process(_ signal: SignalCondition, of name: String) {
        let message = signal.message
        _ = update { $0.signal = message }
        if let message {
            logger.warning("\(subject(name)): \(message)")
        } else {
            logger.info("\(subject(name)): its sound is in order again")
        }
    }

    /// Called by the pipeline when its condition changes; returns soon.
    @Sendable func process(_ condition: StreamCondition) {
        turn.withLock {
            let wasMuted = self.condition.isMuted
            let before = update { $0.condition = condition }
            if condition.isMuted && !wasMuted {
                logger.warning("\(subject(before.name)): only digital silence: is the microphone muted?")
            } else if wasMuted && !condition.isMuted {
                logger.info("\(subject(before.name)): delivers sound again")
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
