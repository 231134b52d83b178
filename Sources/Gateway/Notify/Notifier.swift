internal import Logging
internal import SystemSupport
internal import Wire

/// Runs the programs and sends the requests of the rules of `notify`.
///
///     DaemonFollower ─► update ─► NotifyState ─┬► queue of rule 1 ─► its thread ─► program or request
///                                              └► queue of rule 2 ─► ...
///
/// A rule whose receiver hangs delays neither the records of a daemon nor another rule.
///
/// Threading: ``update(_:of:)`` on any thread; ``run(rule:)`` blocks a thread of its own per rule.
final class Notifier: Sendable {
    /// What a rule notifies, with what is needed to reach it.
    enum Receiver: Sendable {
        case command([String], limitSeconds: Double)
        case webhook(NotifyWebhook)
    }

    let rules: [NotifyRule]
    private let node: String
    private let receivers: [Receiver]
    private let queues: [NotifyQueue]
    private let state: ConditionLocked<NotifyState>
    private let history: History
    private let logger: Logger
    private let retryMilliseconds: Int

    /// How often a request is sent at most.
    static let maximumAttempts = 5

    /// - Parameter retryMilliseconds: Wait after the first failure; doubled with each further one.
    /// - Throws: `SecretFile.Failure`
    init(
        _ settings: GatewaySettings, history: History, logger: Logger, retryMilliseconds: Int = 2000
    ) throws(SecretFile.Failure) {
        rules = settings.notify
        node = settings.node
        var receivers: [Receiver] = []
        for rule in rules { receivers.append(try Self.receiver(of: rule)) }
        self.receivers = receivers
        queues = rules.map { _ in NotifyQueue() }
        self.history = history
        self.logger = logger
        self.retryMilliseconds = retryMilliseconds
        state = ConditionLocked(NotifyState(rules, last: (try? history.lastNotifications()) ?? [:]))
    }

    /// - Throws: `SecretFile.Failure` for a file that cannot be read.
    static func receiver(of rule: NotifyRule) throws(SecretFile.Failure) -> Receiver {
        switch rule.action {
        case .command(let arguments, let limit): .command(arguments, limitSeconds: limit)
        case .webhook(let webhook): .webhook(try NotifyWebhook(webhook))
        }
    }

    /// Any thread; does not wait for a receiver.
    func update(_ update: DaemonUpdate, of daemon: String) {
        let decisions = state.change { $0.update(update, of: daemon, at: .now) }
        for decision in decisions { queues[decision.rule].append(decision.event) }
    }

    /// Ends all threads soon; a request or program in progress is stopped.
    func stop() {
        for (rule, queue) in zip(rules, queues) {
            let (waiting, dropped) = queue.close()
            if waiting > 0 || dropped > 0 {
                log(
                    .warning, "the gateway stops; notifications were not sent", rule,
                    "\(waiting) waited, \(dropped) were dropped")
            }
        }
        let suppressed = state.change { $0.suppressed }
        if suppressed != NotifyState.Suppressed() {
            logger.info(
                "events without a notification",
                metadata: [
                    "cooldown": "\(suppressed.cooldown)", "quiet_hours": "\(suppressed.quiet)",
                    "too_late": "\(suppressed.late)",
                ])
        }
    }

    /// Sends the notifications of a rule; returns when the notifier is stopped.
    func run(rule index: Int) {
        let (rule, queue) = (rules[index], queues[index])
        while let (event, dropped) = queue.next() {
            if dropped > 0 {
                log(.error, "the receiver was too slow; dropped the oldest notifications", rule, "\(dropped)")
            }
            // Before it is sent: a gateway that dies meanwhile does not send it twice.
            try? history.store(event, notifiedBy: rule.name)
            deliver(event, index)
        }
    }

    private func deliver(_ event: NotifiedEvent, _ index: Int) {
        let (rule, queue) = (rules[index], queues[index])
        var wait = retryMilliseconds
        for attempt in 1...Self.maximumAttempts {
            switch Self.send(
                NotifyText(event: event, rule: rule, node: node), receivers[index],
                isStopped: { queue.isClosed })
            {
            case .sent(let answer):
                return log(.info, "notified", rule, answer, label: event.label)
            case .refused(let reason):
                return log(.error, "a notification failed", rule, reason, label: event.label)
            case .stopped: return
            case .failed(let reason):
                let isLast = attempt == Self.maximumAttempts
                if attempt == 1 || isLast {
                    log(
                        isLast ? .error : .warning,
                        isLast ? "a notification failed" : "a notification failed; trying again", rule,
                        reason,
                        label: event.label)
                }
                if !isLast { queue.pause(milliseconds: wait) }
                if queue.isClosed { return }
                wait *= 2
            }
        }
    }

    /// Sends once; blocks.
    static func send(
        _ text: NotifyText, _ receiver: Receiver, isStopped: @escaping () -> Bool
    ) -> NotifyOutcome {
        switch receiver {
        case .command(let arguments, let limit):
            NotifyProgram(arguments: arguments, limitSeconds: limit)
                .run(input: text.json, variables: text.variables, isStopped: isStopped)
        case .webhook(let webhook): webhook.request(text).send(isStopped: isStopped)
        }
    }

    private func log(
        _ level: Logger.Level, _ message: Logger.Message, _ rule: NotifyRule, _ reason: String,
        label: String? = nil
    ) {
        var metadata: Logger.Metadata = ["rule": "\(rule.name)", "reason": "\(reason)"]
        if let label { metadata["label"] = "\(PathText.printable(label))" }
        logger.log(level: level, message, metadata: metadata)
    }
}

extension History {
    /// The last notification of each rule about each label.
    func lastNotifications() throws(SQLiteError) -> [NotifyState.RuleLabel: LastNotification] {
        try withDatabase { (database) throws(SQLiteError) in
            var last: [NotifyState.RuleLabel: LastNotification] = [:]
            try database.query("SELECT rule, label, time_ms, event FROM notifications") { row in
                guard let rule = row.text(0), let label = row.text(1), let time = row.integer(2) else {
                    return
                }
                last[.init(rule: rule, label: label)] = LastNotification(
                    time: Timestamp(milliseconds: time), event: row.text(3) ?? "")
            }
            return last
        }
    }

    /// Stores that a rule notifies of an event.
    func store(_ event: NotifiedEvent, notifiedBy rule: String) throws(SQLiteError) {
        _ = try withDatabase { (database) throws(SQLiteError) in
            try database.run(
                """
                INSERT INTO notifications (rule, label, time_ms, event) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
                SET time_ms = excluded.time_ms, event = excluded.event
                """,
                [.text(rule), .text(event.label), .integer(event.time.milliseconds), .text(event.id)])
        }
    }
}
