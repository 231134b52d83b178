private import Glibc
private import SystemSupport
public import Wire

/// Tries the rules of `notify` with an event that never was.
public struct NotifyTest {
    /// The event.
    public struct Event: Equatable, Sendable {
        /// nil: a label of each rule.
        public var label: String?
        public var daemon: String
        public var source: String?
        public var score: Float
        public var durationSeconds: Double
        public var begin: Timestamp

        public init(
            label: String?, daemon: String, source: String? = nil, score: Float, durationSeconds: Double,
            begin: Timestamp
        ) {
            self.label = label
            self.daemon = daemon
            self.source = source
            self.score = score
            self.durationSeconds = durationSeconds
            self.begin = begin
        }
    }

    /// What a rule does with the event.
    public struct Result: Equatable, Sendable {
        public var rule: String
        public var label: String
        /// The message; nil: the rule does not notify.
        public var message: String?
        /// Why not, or what the receiver said.
        public var answer: String
        public var isFailure = false
    }

    private let settings: GatewaySettings

    public init(_ settings: GatewaySettings) { self.settings = settings }

    /// - Parameters:
    ///   - names: Of rules; empty: all.
    ///   - sends: Whether the rules that notify run their programs and send their requests; blocks.
    public func results(for event: Event, rules names: [String] = [], sends: Bool) -> [Result] {
        settings.notify.filter { names.isEmpty || names.contains($0.name) }.map { rule in
            result(for: event, rule, sends: sends)
        }
    }

    private func result(for trial: Event, _ rule: NotifyRule, sends: Bool) -> Result {
        let label = trial.label ?? rule.labels[0]
        var result = Result(rule: rule.name, label: label, answer: "")
        let event = NotifiedEvent(
            daemon: trial.daemon, source: trial.source, id: "test", label: label, adapter: nil, state: .end,
            begin: trial.begin, duration: trial.durationSeconds, peakScore: trial.score)
        if let reason = reason(against: event, by: rule) {
            result.answer = reason
            return result
        }
        let text = NotifyText(event: event, rule: rule, node: settings.node)
        result.message = text.message
        if !sends { return result }
        do throws(SecretFile.Failure) {
            switch Notifier.send(text, try Notifier.receiver(of: rule), isStopped: { false }) {
            case .sent(let answer): result.answer = answer
            case .failed(let reason), .refused(let reason):
                (result.answer, result.isFailure) = (reason, true)
            case .stopped: break
            }
        } catch {
            (result.answer, result.isFailure) = (error.description, true)
        }
        return result
    }

    private func reason(against event: NotifiedEvent, by rule: NotifyRule) -> String? {
        // A daemon that is not part of the settings is that of no rule.
        if !rule.admits(label: event.label, daemon: event.daemon) {
            return rule.admits(label: event.label, daemon: rule.daemons.first ?? "")
                ? "not for this daemon" : "not for this label"
        }
        if event.duration < rule.minDuration { return "shorter than \(rule.minDuration) s" }
        if rule.minScore > 0, !(event.peakScore >= rule.minScore) { return "a score below \(rule.minScore)" }
        // It is decided when the event is long enough.
        var due = event
        due.duration = rule.minDuration
        return NotifyState([rule]).reason(against: due, by: rule) == .quiet ? "quiet hours" : nil
    }
}
