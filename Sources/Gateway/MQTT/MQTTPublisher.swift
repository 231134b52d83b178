private import Glibc
internal import Logging
internal import SystemSupport
internal import Wire

/// Publishes the state and the events of all daemons to a broker.
///
///     DaemonFollower ─► update ─► MQTTState ──► retained states, scores ─┐
///     History ─────────────────── outbox ─────► events, 20 at a time ────┴► broker
///
/// A state goes before the events that wait. An event leaves the outbox when the broker has acknowledged it.
/// When the gateway stops, the events that its last records have queued are still sent.
///
/// Threading: ``update(_:of:)`` on any thread; ``run(until:)`` blocks its own.
final class MQTTPublisher: Sendable {
    private let options: MQTTClient.Options
    private let topics: TopicNames
    private let state: ConditionLocked<MQTTState>
    private let commandTopics: CommandTopics
    private let runners: [String: CommandRunner]
    private let history: History
    private let logger: Logger
    private let daemonCount: Int

    private static let longestWaitSeconds = 30
    private static let stepMilliseconds: Int32 = 50
    /// A broker that does not answer any more does not delay the end for longer.
    private static let drainTime = Duration.seconds(3)
    private static let farewellTime = Duration.seconds(1)
    /// Keys to remember for each daemon: more than the 8192 records that it repeats.
    private static let memory = 16_384

    private struct Progress {
        var events: EventDelivery
        /// When rows may be deleted again, after a failure.
        var deleteAt = ContinuousClock.now
        /// Topics by number of the empty message that removes them.
        var removals: [Int32: String] = [:]
    }

    /// - Parameter runners: Receive commands; none: no message of the broker is received.
    init(
        _ options: MQTTClient.Options, _ settings: GatewaySettings, history: History,
        runners: [CommandRunner], logger: Logger
    ) {
        self.options = options
        self.history = history
        self.logger = logger
        topics = TopicNames(node: settings.node)
        let daemons = settings.daemons.map(\.name)
        daemonCount = daemons.count
        state = ConditionLocked(
            MQTTState(
                topics: topics, daemons: daemons, labels: settings.mqtt.labels,
                discovery: settings.mqtt.discovery ? Discovery(settings) : nil))
        commandTopics = CommandTopics(topics, daemons: runners.map(\.daemon.name))
        self.runners = Dictionary(uniqueKeysWithValues: runners.map { ($0.daemon.name, $0) })
    }

    /// Any thread; does not wait for the broker.
    func update(_ update: DaemonUpdate, of daemon: String) {
        state.change { $0.update(update, of: daemon, at: .now) }
    }

    /// Returns when the gateway stops; set `stop` once no daemon is followed any more.
    func run(until stop: ConditionLocked<Bool>) {
        let client: MQTTClient
        do throws(MQTTFailure) { client = try MQTTClient(options) } catch {
            logger.error("MQTT is off", metadata: ["reason": "\(error)"])
            return
        }
        var progress = Progress(events: EventDelivery(memory: Self.memory * max(1, daemonCount)))
        var lastReason = ""
        var waitSeconds = 1
        while !stop.change({ $0 }) {
            do throws(MQTTFailure) {
                try client.connect()
                try serve(client, &progress, until: stop) {
                    (lastReason, waitSeconds) = ("", 1)
                    logger.notice("connected to the broker", metadata: ["address": "\(options.address)"])
                }
                return
            } catch {
                if error.description != lastReason {
                    let message: Logger.Message =
                        "no connection to the broker; trying again until there is one"
                    logger.warning(message, metadata: ["reason": "\(error)"])
                    lastReason = error.description
                }
            }
            _ = stop.wait(milliseconds: waitSeconds * 1000) { $0 ? true : nil }
            waitSeconds = min(waitSeconds * 2, Self.longestWaitSeconds)
        }
    }

    /// Returns when the gateway stops.
    private func serve(
        _ client: MQTTClient, _ progress: inout Progress, until stop: ConditionLocked<Bool>,
        connected: () -> Void
    ) throws(MQTTFailure) {
        while !client.isConnected {
            try client.step(milliseconds: Self.stepMilliseconds)
            if stop.change({ $0 }) { return }
        }
        connected()
        try greet(client, &progress)
        var refusals = RefusalLog(logger: logger)
        while !stop.change({ $0 }) {
            try exchange(client, &progress)
            command(client, &refusals)
        }
        // A step ends early when something arrives.
        var deadline = ContinuousClock.now + Self.drainTime
        while .now < deadline {
            try exchange(client, &progress)
            if progress.events.isIdle, try publishEvents(client, &progress) == 0 { break }
        }
        let farewell = try client.publish(
            MQTTMessage(topic: topics.status, payload: "offline"), quality: 1, isRetained: true)
        deadline = .now + Self.farewellTime
        while .now < deadline {
            try client.step(milliseconds: Self.stepMilliseconds)
            let numbers = client.acknowledgements()
            settle(numbers, &progress)
            if numbers.contains(farewell) { break }
        }
        client.disconnect()
    }

    /// Publishes everything that is retained.
    private func greet(_ client: MQTTClient, _ progress: inout Progress) throws(MQTTFailure) {
        state.change { $0.reconnected() }
        try client.publish(
            MQTTMessage(topic: topics.status, payload: "online"), quality: 1, isRetained: true)
        for topic in commandTopics.all { try client.subscribe(to: topic) }
        let current = state.change { $0.ownTopics }.union([topics.status])
        for topic in (try? history.replaceTopics(current)) ?? [] {
            let number = try client.publish(
                MQTTMessage(topic: topic, payload: ""), quality: 1, isRetained: true)
            progress.removals[number] = topic
        }
    }

    /// Sends and receives what is due.
    private func exchange(_ client: MQTTClient, _ progress: inout Progress) throws(MQTTFailure) {
        try publishState(client, &progress)
        _ = try publishEvents(client, &progress)
        try client.step(milliseconds: Self.stepMilliseconds)
        settle(client.acknowledgements(), &progress)
    }

    private func publishState(_ client: MQTTClient, _ progress: inout Progress) throws(MQTTFailure) {
        let changes = state.change { $0.takeChanges() }
        progress.events.append(changes.events)
        for message in changes.retained { try client.publish(message, quality: 1, isRetained: true) }
        for message in changes.fleeting { try client.publish(message, quality: 0) }
    }

    /// - Returns: How many events were new.
    private func publishEvents(_ client: MQTTClient, _ progress: inout Progress) throws(MQTTFailure) -> Int {
        let room = progress.events.room
        guard room > 0 else { return 0 }
        // A database that cannot be read holds up its events only.
        let rows = (try? history.outbox(after: progress.events.lastRow, limit: room)) ?? []
        let items = progress.events.next(rows: rows, isAll: rows.count < room)
        for item in items {
            let number = try client.publish(
                MQTTMessage(topic: topics.event, payload: item.payload), quality: 1)
            progress.events.sent(item, as: number)
        }
        return items.count
    }

    /// Passes on what the broker has sent.
    private func command(_ client: MQTTClient, _ refusals: inout RefusalLog) {
        let (messages, dropped) = client.received()
        for message in messages {
            do throws(DaemonCommand.Refusal) {
                let (daemon, command) = try commandTopics.command(message)
                guard runners[daemon]?.submit(command) == true else {
                    throw DaemonCommand.Refusal(description: "too many commands wait for the daemon")
                }
            } catch {
                refusals.add(message.topic, reason: error.description)
            }
        }
        if dropped > 0 { refusals.add("\(dropped) messages", reason: "too many arrived at once") }
    }

    /// Removes what the broker has from the database.
    private func settle(_ numbers: [Int32], _ progress: inout Progress) {
        progress.events.acknowledged(numbers)
        for number in numbers {
            // Removed at the next start if it cannot be written now.
            if let topic = progress.removals.removeValue(forKey: number) { try? history.forgetTopic(topic) }
        }
        let rows = progress.events.finishedRows
        guard !rows.isEmpty, .now >= progress.deleteAt else { return }
        do throws(SQLiteError) {
            try history.acknowledge(rows)
            progress.events.deleted(rows)
        } catch {
            // The disk is full. The rows are remembered: their events are not sent again.
            progress.deleteAt = .now + .seconds(1)
        }
    }
}
