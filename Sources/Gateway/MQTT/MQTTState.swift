internal import TextSupport
internal import Wire

/// A message to publish.
struct MQTTMessage: Equatable, Sendable {
    var topic: String
    var payload: String
}

/// What the broker shall have: the retained messages, and those that are sent once.
///
/// A value without I/O. Retained messages are only kept in their newest form: a broker that is back gets the
/// present state, however long it was away.
struct MQTTState {
    /// By topic; changed only by ``update(_:of:at:)``.
    private(set) var retained: [String: String] = [:]
    /// Topics whose retained message has changed since ``takeChanges()``, in order.
    private var changed: [String] = []
    /// Events that the outbox could not store; of too many, the newest.
    private var direct: [EventDelivery.Item] = []
    private static let maximumDirect = 1000
    /// Messages that are lost if the broker is away.
    private var fleeting: [MQTTMessage] = []

    private let topics: TopicNames
    private let labels: [String]
    private let slugs: LabelSlugs
    /// nil: no messages for Home Assistant.
    private let discovery: Discovery?
    private var daemons: [String: Daemon]
    /// When the newest message of a fleeting topic was made.
    private var sent: [String: Timestamp] = [:]

    private struct Daemon {
        var isConnected = false
        var version = ""
        var model = ""
        var run = ""
        var sources: [String: SourceRecord] = [:]
        /// Those of its status when it was connected, and the length of each gap since then, in hops.
        var skippedWindows: UInt64 = 0
        /// In seconds.
        var hop = 1.0
        var lostRecords: UInt64 = 0
        /// In the state message; follows ``passMs`` once a minute.
        var shownPass: (milliseconds: Double, at: Timestamp)?
        var activeAdapter: String?
        /// Those that are loaded; nil: not known yet.
        var adapters: [String]?
        /// The events in progress, by id.
        var open: [String: OpenEvent] = [:]

        var openLabels: Set<String> { Set(open.values.map(\.label)) }

        var isPaused: Bool { !sources.isEmpty && sources.values.allSatisfy { $0.state == .paused } }
    }

    private struct OpenEvent {
        var label: String
        var adapter: String?
        var begin: Timestamp
    }

    /// - Parameter labels: Those that have states.
    init(topics: TopicNames, daemons: [String], labels: [String], discovery: Discovery? = nil) {
        self.topics = topics
        self.discovery = discovery
        self.labels = labels
        slugs = LabelSlugs(labels)
        self.daemons = Dictionary(uniqueKeysWithValues: daemons.map { ($0, Daemon()) })
        for (topic, payload) in discovery?.messages ?? [:] { retain(topic, payload) }
        for daemon in daemons {
            for label in labels { publishLabel(label, of: daemon) }
            publishState(of: daemon)
        }
    }

    mutating func update(_ update: DaemonUpdate, of name: String, at now: Timestamp) {
        guard var daemon = daemons[name] else { return }
        var labels: Set<String> = []
        switch update {
        case .connected(let hello, let status):
            daemon.isConnected = true
            (daemon.version, daemon.model, daemon.run) = (hello.version, hello.model, hello.run.text)
            daemon.activeAdapter = hello.adapter
            daemon.skippedWindows = status.counters.skippedWindows
            daemon.hop = hello.hop
            daemon.sources = [:]
            // Events of an earlier run have ended.
            labels = daemon.openLabels
            daemon.open = daemon.open.filter { $0.key.hasPrefix(hello.run.text + "-") }
        case .disconnected:
            daemon.isConnected = false
        case .adapters(let names):
            daemon.adapters = names
        case .record(let record):
            follow(record, in: &daemon, name, at: now)
        case .unsaved(let changes):
            for change in changes {
                direct += Self.items(of: change, in: daemon, name)
                labels.formUnion(Self.apply(change, to: &daemon))
            }
            if direct.count > Self.maximumDirect { direct.removeFirst(direct.count - Self.maximumDirect) }
        case .stored(let changes):
            for change in changes { labels.formUnion(Self.apply(change, to: &daemon)) }
        }
        daemons[name] = daemon
        // Before the state, whose adapter is one of the choices.
        publishAdapters(of: name)
        for label in labels { publishLabel(label, of: name) }
        publishState(of: name)
    }

    /// What has to be published: the changed retained messages, events that the outbox could not store, and
    /// messages that are sent once; all are empty afterwards.
    mutating func takeChanges() -> (
        retained: [MQTTMessage], events: [EventDelivery.Item], fleeting: [MQTTMessage]
    ) {
        defer { (changed, direct, fleeting) = ([], [], []) }
        return (changed.map { MQTTMessage(topic: $0, payload: retained[$0] ?? "") }, direct, fleeting)
    }

    /// The topics whose retained messages are this gateway's, also if they are not known yet.
    var ownTopics: Set<String> { Set(retained.keys).union(discovery?.topics ?? []) }

    /// Has every retained message published again, and drops what was meant for the past.
    mutating func reconnected() {
        // A receiver needs an entity before its state.
        let entities = discovery?.topics ?? []
        changed = retained.keys.filter { entities.contains($0) }.sorted()
        changed += retained.keys.filter { !entities.contains($0) }.sorted()
        fleeting = []
    }

    private mutating func retain(_ topic: String, _ payload: String) {
        guard retained.updateValue(payload, forKey: topic) != payload else { return }
        if !changed.contains(topic) { changed.append(topic) }
    }

    private mutating func publishLabel(_ label: String, of name: String) {
        guard let slug = slugs[label] else { return }
        let isOpen = daemons[name]?.openLabels.contains(label) ?? false
        retain(topics.label(slug, of: name), isOpen ? "ON" : "OFF")
    }

    private mutating func publishAdapters(of name: String) {
        guard let discovery, let daemon = daemons[name], var adapters = daemon.adapters else { return }
        if let active = daemon.activeAdapter, !adapters.contains(active) { adapters.append(active) }
        guard let message = discovery.adapterMessage(of: name, adapters: adapters) else { return }
        retain(message.topic, message.payload)
    }

    private mutating func publishState(of name: String) {
        guard let daemon = daemons[name] else { return }
        let text = JSONText { json in
            json.object { json in
                json.member("connected", daemon.isConnected)
                json.member("paused", daemon.isConnected && daemon.isPaused)
                if let source = daemon.sources[""] {
                    json.member("source", source.name)
                    json.member("health", source.state.rawValue)
                    json.member("message", source.message)
                } else {
                    json.key("sources")
                    json.object { json in
                        for (name, source) in daemon.sources.sorted(by: { $0.key < $1.key }) {
                            json.key(name)
                            json.object { json in
                                json.member("source", source.name)
                                json.member("health", source.state.rawValue)
                                json.member("message", source.message)
                            }
                        }
                    }
                }
                json.member("adapter", daemon.activeAdapter)
                json.member("model", daemon.model)
                json.member("version", daemon.version)
                json.member("pass_ms", daemon.shownPass?.milliseconds, decimals: 1)
                json.member("skipped", daemon.skippedWindows)
                json.member("lost", daemon.lostRecords)
            }
        }
        retain(topics.state(of: name), String(decoding: text.bytes, as: UTF8.self))
    }

    /// The messages of a change that could not be stored.
    private static func items(
        of change: HistoryChange, in daemon: Daemon, _ name: String
    ) -> [EventDelivery.Item] {
        switch change {
        case .event(let event):
            return [
                EventDelivery.Item(
                    key: EventPayload.key(of: event, daemon: name),
                    payload: EventPayload.text(of: event, daemon: name))
            ]
        case .interrupted(let exceptions, let time):
            // The begins of these were published; the database may not know them.
            let events = daemon.open.filter { !exceptions.contains($0.key) }
            return events.sorted { ($0.value.begin.unixNanos, $0.key) < ($1.value.begin.unixNanos, $1.key) }
                .map { id, event in
                    let begin = event.begin.milliseconds
                    return EventDelivery.Item(
                        key: EventPayload.interruptionKey(of: id, daemon: name),
                        payload: EventPayload.interruption(
                            id: id, label: event.label, adapter: event.adapter, begin: begin,
                            end: max(begin, time.milliseconds), daemon: name))
                }
        case .gap, .run: return []
        }
    }

    /// - Returns: Labels whose state may have changed.
    private static func apply(_ change: HistoryChange, to daemon: inout Daemon) -> Set<String> {
        switch change {
        case .event(let event) where event.state == .begin:
            daemon.open[event.id] = OpenEvent(
                label: event.label, adapter: event.adapter, begin: event.time)
            return [event.label]
        case .event(let event):
            daemon.open[event.id] = nil
            return [event.label]
        case .interrupted(let exceptions, _):
            let labels = daemon.openLabels
            daemon.open = daemon.open.filter { exceptions.contains($0.key) }
            return labels
        case .gap, .run: return []
        }
    }

    private mutating func follow(
        _ record: LiveRecord, in daemon: inout Daemon, _ name: String, at now: Timestamp
    ) {
        switch record {
        case .prediction(let prediction):
            if let pass = prediction.passMs,
                now.unixNanos - (daemon.shownPass?.at.unixNanos ?? 0) > 60_000_000_000
            {
                daemon.shownPass = (pass, now)
            }
            send(topics.level(of: name), at: now) {
                prediction.levelDBFS.flatMap { FixedDecimals.text($0, decimals: 1) }
            }
            send(topics.loudest(of: name), at: now) { prediction.labels.first?.label }
            for entry in prediction.labels {
                guard let slug = slugs[entry.label] else { continue }
                send(topics.score(slug, of: name), at: now) {
                    FixedDecimals.text(Double(entry.score), decimals: 3)
                }
            }
        case .source(let source):
            daemon.sources[source.source ?? ""] = source.state == .ended ? nil : source
        case .adapter(let adapter):
            daemon.activeAdapter = adapter.active
        case .lost(let lost): daemon.lostRecords += lost.count
        case .gap(let gap) where gap.reason == .skipped:
            daemon.skippedWindows += UInt64(max(1, (gap.seconds / max(daemon.hop, 0.01)).rounded()))
        case .hop(let record): daemon.hop = record.hopSeconds
        case .hello, .event, .gap, .level, .spectrum, .ongoing: break
        }
    }

    /// At most one message a second of each topic.
    private mutating func send(_ topic: String, at now: Timestamp, _ payload: () -> String?) {
        if let last = sent[topic], now.unixNanos - last.unixNanos < 950_000_000,
            now.unixNanos >= last.unixNanos
        {
            return
        }
        guard let payload = payload() else { return }
        sent[topic] = now
        fleeting.append(MQTTMessage(topic: topic, payload: payload))
    }
}
