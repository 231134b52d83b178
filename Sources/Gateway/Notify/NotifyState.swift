internal import Settings
internal import SystemSupport
internal import TextSupport
internal import Wire

/// The event of which a rule notifies, as far as it is known then.
struct NotifiedEvent: Equatable, Sendable {
    enum State: String, Sendable { case ongoing, end }

    var daemon: String
    var source: String?
    var id: String
    var label: String
    var adapter: String?
    /// Whether it was in progress.
    var state: State
    var begin: Timestamp
    /// So far, in seconds.
    var duration: Double
    /// NaN where the daemon had none.
    var peakScore: Float

    /// When it was long enough.
    var time: Timestamp { Timestamp(unixNanos: begin.unixNanos + Int64(max(0, min(duration, 1e9)) * 1e9)) }
}

/// A rule's last notification about a label.
struct LastNotification: Equatable, Sendable {
    var time: Timestamp
    /// The event's id.
    var event: String
}

/// Decides which events cause a notification.
///
/// An event is measured in the time of its daemon: by its own records, and by the windows that follow while
/// it is in progress. Each rule decides once about an event, when it is long and loud enough:
///
///     windows      1    2    3    4    5 ...
///     event             begin          (end)
///     min_duration      ├─────────┤
///                                  ▲ window 4 has shown that the event did not end with window 3
///
/// A value without I/O; the zone is at its boundary.
struct NotifyState {
    struct RuleLabel: Hashable, Sendable {
        var rule: String
        var label: String
    }

    struct Decision: Equatable, Sendable {
        /// Position of the rule.
        var rule: Int
        var event: NotifiedEvent
    }

    /// Events for which a rule applied, and that were not sent.
    struct Suppressed: Equatable, Sendable {
        var cooldown = 0
        var quiet = 0
        var late = 0
    }

    private struct OpenEvent {
        var event: NotifiedEvent
        /// Rules that have not decided.
        var rules: [Int]
    }

    private struct Daemon {
        var open: [String: OpenEvent] = [:]
        /// Time of the newest window of each source.
        var windows: [String: Timestamp] = [:]
    }

    /// An event that is older when its daemon reports it is history.
    static let maximumAgeSeconds = 300.0

    private(set) var suppressed = Suppressed()
    private let rules: [NotifyRule]
    private let offsetSeconds: @Sendable (Int) -> Int
    private var last: [RuleLabel: LastNotification]
    private var daemons: [String: Daemon] = [:]
    /// Ids of the newest events that were decided when they ended: a history that was suspended reports them
    /// again.
    private var ended = RecentIDs()

    /// - Parameters:
    ///   - last: The notifications of earlier runs.
    ///   - offsetSeconds: Seconds east of UTC, by the instant in seconds since 1970.
    init(
        _ rules: [NotifyRule], last: [RuleLabel: LastNotification] = [:],
        offsetSeconds: @escaping @Sendable (Int) -> Int = {
            TimeZoneRule.local.offsetSeconds(atUnixSeconds: $0)
        }
    ) {
        (self.rules, self.last, self.offsetSeconds) = (rules, last, offsetSeconds)
    }

    /// - Parameter now: For the age of events.
    mutating func update(_ update: DaemonUpdate, of name: String, at now: Timestamp) -> [Decision] {
        var daemon = daemons[name] ?? Daemon()
        defer { daemons[name] = daemon }
        switch update {
        case .connected(let hello, _):
            daemon.windows = [:]
            daemon.open = daemon.open.filter { $0.key.hasPrefix(hello.run.text + "-") }
            return []
        case .record(.prediction(let prediction)):
            return follow(prediction, &daemon, now)
        case .stored(let changes), .unsaved(let changes):
            return changes.flatMap { change -> [Decision] in
                switch change {
                case .event(let record): return apply(record, of: name, &daemon, now)
                case .interrupted(let exceptions, _):
                    daemon.open = daemon.open.filter { exceptions.contains($0.key) }
                    return []
                case .gap(let gap):
                    if case .missed = gap.reason { forgetEvents(&daemon) }
                    return []
                // The connection to another run has closed the events of the one before.
                case .run: return []
                }
            }
        case .record, .disconnected, .adapters: return []
        }
    }

    /// The ends of the events in progress may be among records that were lost: windows no longer prolong
    /// these events. An end that does arrive still decides about its event.
    private mutating func forgetEvents(_ daemon: inout Daemon) {
        for (id, open) in daemon.open where open.rules.isEmpty { ended.insert(id) }
        daemon.open = [:]
    }

    private mutating func apply(
        _ record: EventRecord, of name: String, _ daemon: inout Daemon, _ now: Timestamp
    ) -> [Decision] {
        let isEnd = record.state == .end
        var open: OpenEvent
        if let known = daemon.open[record.id] {
            open = known
        } else {
            if ended.contains(record.id) { return [] }
            let begin = record.time.unixNanos - Int64(max(0, min(record.duration, 1e9)) * 1e9)
            open = OpenEvent(
                event: NotifiedEvent(
                    daemon: name, source: record.source, id: record.id, label: record.label,
                    adapter: record.adapter, state: .ongoing, begin: Timestamp(unixNanos: begin), duration: 0,
                    peakScore: record.peakScore),
                rules: rules.indices.filter { rules[$0].admits(label: record.label, daemon: name) })
        }
        open.event.state = isEnd ? .end : .ongoing
        open.event.duration = record.duration
        open.event.peakScore = Self.higher(open.event.peakScore, record.peakScore)
        let decisions = decide(&open, now)
        if isEnd {
            daemon.open[record.id] = nil
            ended.insert(record.id)
        } else {
            daemon.open[record.id] = open
        }
        return decisions
    }

    /// The window before this one belongs to every event that is still in progress.
    private mutating func follow(
        _ prediction: Prediction, _ daemon: inout Daemon, _ now: Timestamp
    ) -> [Decision] {
        let source = prediction.source ?? ""
        let before = daemon.windows.updateValue(prediction.time, forKey: source)
        var decisions: [Decision] = []
        for (id, known) in daemon.open where (known.event.source ?? "") == source && !known.rules.isEmpty {
            var open = known
            if let before {
                let nanos = before.unixNanos - open.event.begin.unixNanos
                open.event.duration = max(open.event.duration, Double(nanos) / 1e9)
            }
            decisions += decide(&open, now)
            if prediction.adapter == open.event.adapter,
                let found = prediction.labels.first(where: { $0.label == open.event.label })
            {
                open.event.peakScore = Self.higher(open.event.peakScore, found.score)
            }
            daemon.open[id] = open
        }
        return decisions.sorted { ($0.event.begin.unixNanos, $0.rule) < ($1.event.begin.unixNanos, $1.rule) }
    }

    private mutating func decide(_ open: inout OpenEvent, _ now: Timestamp) -> [Decision] {
        let event = open.event
        let due = open.rules.filter { index in
            event.duration >= rules[index].minDuration
                && (rules[index].minScore <= 0 || event.peakScore >= rules[index].minScore)
        }
        open.rules.removeAll { due.contains($0) }
        return due.compactMap { index in
            guard isAllowed(event, by: rules[index], now) else { return nil }
            let key = RuleLabel(rule: rules[index].name, label: event.label)
            last[key] = LastNotification(time: event.time, event: event.id)
            return Decision(rule: index, event: event)
        }
    }

    private mutating func isAllowed(_ event: NotifiedEvent, by rule: NotifyRule, _ now: Timestamp) -> Bool {
        if Double(now.unixNanos - event.time.unixNanos) / 1e9 > Self.maximumAgeSeconds {
            suppressed.late += 1
            return false
        }
        switch reason(against: event, by: rule) {
        case nil: return true
        case .cooldown, .sameDay, .sameEvent: suppressed.cooldown += 1
        case .quiet: suppressed.quiet += 1
        }
        return false
    }

    /// Why a rule does not notify of an event that it admits.
    enum Reason: Equatable {
        case cooldown, sameDay, sameEvent, quiet
    }

    func reason(against event: NotifiedEvent, by rule: NotifyRule) -> Reason? {
        let time = event.time
        let (weekday, minute, day) = local(time)
        if let last = last[RuleLabel(rule: rule.name, label: event.label)] {
            if last.event == event.id { return .sameEvent }
            // A clock that was set back does not prolong the time.
            let seconds = Double(time.unixNanos - last.time.unixNanos) / 1e9
            if seconds >= 0 && seconds < rule.cooldown { return .cooldown }
            if rule.isFirstOfDay && local(last.time).day == day { return .sameDay }
        }
        return rule.quietHours.contains { $0.contain(weekday: weekday, minute: minute) } ? .quiet : nil
    }

    /// What the wall shows: the weekday from Monday, 0, the minute of the day, and days since 1970.
    private func local(_ time: Timestamp) -> (weekday: Int, minute: Int, day: Int) {
        let utc = Int((Double(time.unixNanos) / 1e9).rounded(.down))
        let seconds = utc + offsetSeconds(utc)
        let day = Int((Double(seconds) / 86_400).rounded(.down))
        // 1970-01-01 was a Thursday.
        return (((day + 3) % 7 + 7) % 7, (seconds - day * 86_400) / 60, day)
    }

    private static func higher(_ a: Float, _ b: Float) -> Float { a >= b || b.isNaN ? a : b }
}

/// The newest ids that were inserted, a bounded number of them.
struct RecentIDs {
    private let capacity: Int
    private var ids: Set<String> = []
    private var order: [String] = []
    private var next = 0

    init(capacity: Int = 2000) { self.capacity = capacity }

    func contains(_ id: String) -> Bool { ids.contains(id) }

    mutating func insert(_ id: String) {
        guard ids.insert(id).inserted else { return }
        if order.count < capacity {
            order.append(id)
        } else {
            ids.remove(order[next])
            order[next] = id
            next = (next + 1) % capacity
        }
    }
}
