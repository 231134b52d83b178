import Testing
import TextSupport
import Wire

@testable import Gateway

@Suite struct MQTTStateTests {
    private static let topics = TopicNames(node: "home")
    private var state = MQTTState(topics: topics, daemons: ["kitchen"], labels: ["Siren", "Dog"])

    private mutating func changes() -> [String] {
        state.takeChanges().retained.filter { !$0.topic.hasSuffix("/state") }.map {
            "\($0.topic)=\($0.payload)"
        }
    }

    private func stateMessage() throws -> JSONObject {
        let text = try #require(state.retained[Self.topics.state(of: "kitchen")])
        return try JSONObject(parsing: Array(text.utf8))
    }

    @Test mutating func `A label is on while one of its events is in progress`() {
        let root = "astd/home/kitchen/label"
        #expect(changes() == ["\(root)/siren=OFF", "\(root)/dog=OFF"])
        func news(_ events: EventRecord...) -> DaemonUpdate { .stored(events.map { .event($0) }) }
        let now = Fixture.time(0)
        state.update(news(Fixture.event(.begin, 1, at: 1)), of: "kitchen", at: now)
        state.update(news(Fixture.event(.begin, 2, at: 2)), of: "kitchen", at: now)
        #expect(changes() == ["\(root)/siren=ON"])
        state.update(news(Fixture.event(.end, 1, at: 3)), of: "kitchen", at: now)
        #expect(changes() == [])
        state.update(news(Fixture.event(.end, 2, at: 3)), of: "kitchen", at: now)
        #expect(changes() == ["\(root)/siren=OFF"])
        // Back and forth between two publications: the newest state is published.
        state.update(news(Fixture.event(.begin, 3, at: 4, label: "Dog")), of: "kitchen", at: now)
        state.update(.stored([.interrupted(except: [], at: now)]), of: "kitchen", at: now)
        #expect(changes() == ["\(root)/dog=OFF"])
        // A label without a state.
        state.update(news(Fixture.event(.begin, 4, at: 4, label: "Cat")), of: "kitchen", at: now)
        #expect(changes() == [])
    }

    @Test mutating func `Skipped windows are counted by the length of their gaps`() throws {
        for (end, reason) in [(40_000, Gap.Reason.skipped), (8_000, .paused), (1_000, .skipped)] {
            let gap = Gap(startSample: 0, endSample: Int64(end), reason: reason)
            state.update(.record(.gap(gap)), of: "kitchen", at: Fixture.time(0))
        }
        // 2.5 s at a hop of 1 s, and one that is shorter than a hop.
        #expect(try stateMessage().integer("skipped", as: Int.self) == 4)
        // Two seconds at a hop of 0.5 s.
        let hop = HopRecord(unixNanos: 0, hopSeconds: 0.5, previousSeconds: 1, passMs: nil)
        state.update(.record(.hop(hop)), of: "kitchen", at: Fixture.time(0))
        let gap = Gap(startSample: 0, endSample: 32_000, reason: .skipped)
        state.update(.record(.gap(gap)), of: "kitchen", at: Fixture.time(0))
        #expect(try stateMessage().integer("skipped", as: Int.self) == 8)
    }

    @Test mutating func `Scores and levels are sent at most once a second`() {
        _ = state.takeChanges()
        for hundredths in stride(from: 0, to: 250, by: 10) {
            let time = Fixture.time(Double(hundredths) / 100)
            state.update(.record(.prediction(Fixture.prediction(1, at: 1))), of: "kitchen", at: time)
        }
        let sent = state.takeChanges().fleeting
        let topics = [
            "astd/home/kitchen/level", "astd/home/kitchen/loudest", "astd/home/kitchen/label/siren/score",
        ]
        for topic in topics { #expect(sent.count { $0.topic == topic } == 3, "\(topic)") }
        #expect(sent.count == 9)
        #expect(sent.first { $0.topic == topics[2] }?.payload == "0.500")
    }

    @Test mutating func `The state of a daemon says whether it is connected, and how its source is`() throws {
        #expect(try stateMessage().bool("connected") == false)
        let source = SourceRecord(state: .paused, name: "pulse:Mic", message: "by a request")
        state.update(.record(.source(source)), of: "kitchen", at: Fixture.time(0))
        #expect(try stateMessage().string("health") == "paused")
        #expect(try stateMessage().string("source") == "pulse:Mic")
        state.update(.record(.lost(Lost(count: 3))), of: "kitchen", at: Fixture.time(0))
        #expect(try stateMessage().integer("lost", as: Int.self) == 3)
        _ = state.takeChanges()
        state.update(.record(.prediction(Fixture.prediction(1, at: 1))), of: "kitchen", at: Fixture.time(1))
        #expect(state.takeChanges().retained.isEmpty)
        state.reconnected()
        #expect(state.takeChanges().retained.count == 3)
    }

    @Test
    mutating func `Events that the history cannot keep are published without it, and so are their ends`() {
        let begin = HistoryChange.event(Fixture.event(.begin, 1, at: 1))
        state.update(.unsaved([begin]), of: "kitchen", at: Fixture.time(1))
        let event = state.takeChanges().events
        #expect(event.count == 1 && event[0].row == nil)
        #expect(event[0].key == "kitchen begin \(Fixture.run.eventID(1))")
        #expect(event[0].payload.hasPrefix(#"{"type":"event","daemon":"kitchen","state":"begin","id":"#))
        // Its daemon dies: the database does not know the event.
        let end = HistoryChange.interrupted(except: [Fixture.run.eventID(2)], at: Fixture.time(4))
        state.update(.unsaved([begin, end]), of: "kitchen", at: Fixture.time(5))
        let events = state.takeChanges().events
        #expect(events.map(\.key).last == "kitchen interrupted \(Fixture.run.eventID(1))")
        #expect(events.last?.payload.contains(#""duration":3.0,"interrupted":true}"#) == true)
        state.update(.unsaved([end]), of: "kitchen", at: Fixture.time(6))
        #expect(state.takeChanges().events.isEmpty)
    }

    @Test func `Slugs are stable, and unique for labels that fold to the same`() {
        #expect(LabelSlugs.folded("Fire alarm, siren") == "fire_alarm_siren")
        #expect(LabelSlugs.folded("  Ärger 2!") == "rger_2")
        let few = LabelSlugs(["Dog", "Bark"])
        let many = LabelSlugs(["Bark", "dog!", "Dog", "Cat", "…"])
        #expect(few["Dog"] == "dog" && few["Bark"] == "bark" && many["Bark"] == "bark")
        #expect(many["Dog"] != many["dog!"] && many["Dog"]?.hasPrefix("dog_") == true)
        #expect(many["Dog"] == LabelSlugs(["dog!", "Dog"])["Dog"])
        #expect(many["…"]?.isEmpty == false && many["None"] == nil)
    }

    @Test func `Each entity of the discovery is JSON with an id of its own`() throws {
        var settings = GatewaySettings()
        settings.node = "Home 1"
        settings.daemons = [
            .init(name: "kitchen", runtimeDirectory: "/a"), .init(name: "street", runtimeDirectory: "/b"),
        ]
        settings.mqtt.labels = ["Siren", "Smoke detector, smoke alarm"]
        let messages = Discovery(settings).messages
        #expect(messages.count == 2 * 2 + 2 * 2 + 1)
        var ids: Set<String> = []
        for (topic, payload) in messages {
            let parts = topic.split(separator: "/")
            #expect(parts.count == 4 && parts[0] == "homeassistant" && parts[3] == "config")
            #expect(parts[2].allSatisfy { $0.isLetter || $0.isNumber || "_-".contains($0) })
            let entity = try JSONObject(parsing: Array(payload.utf8))
            ids.insert(try entity.requiredString("unique_id"))
            #expect(try entity.requiredObject("device").strings("identifiers")?.count == 1)
        }
        #expect(ids.count == messages.count)
    }

    @Test mutating func `With commands there is a switch, and a choice of the adapters that are loaded`()
        throws
    {
        var settings = GatewaySettings()
        settings.node = "home"
        settings.daemons = [.init(name: "kitchen", runtimeDirectory: "/a")]
        settings.mqtt.commands = true
        let discovery = Discovery(settings)
        #expect(discovery.messages["homeassistant/switch/astd_home-kitchen-pause/config"] != nil)
        let topic = "homeassistant/select/astd_home-kitchen-adapter/config"
        #expect(discovery.topics.contains(topic) && discovery.topics.count == discovery.messages.count + 1)
        state = MQTTState(topics: Self.topics, daemons: ["kitchen"], labels: [], discovery: discovery)
        #expect(state.retained[topic] == nil && state.ownTopics.contains(topic))
        let now = Fixture.time(0)
        func options() throws -> [String]? {
            try JSONObject(parsing: Array((state.retained[topic] ?? "{}").utf8)).strings("options")
        }
        state.update(.adapters(["alarms", "birds"]), of: "kitchen", at: now)
        #expect(try options() == ["base", "alarms", "birds"])
        _ = state.takeChanges()
        // An adapter that was loaded and is used at once: the choice goes before the state.
        state.update(.record(.adapter(AdapterRecord(adapters: ["dogs"]))), of: "kitchen", at: now)
        #expect(try options() == ["base", "alarms", "birds", "dogs"])
        #expect(state.takeChanges().retained.map(\.topic) == [topic, Self.topics.state(of: "kitchen")])
        state.reconnected()
        #expect(state.takeChanges().retained.last?.topic == Self.topics.state(of: "kitchen"))
        settings.mqtt.commands = false
        #expect(
            Discovery(settings).topics.allSatisfy { !$0.contains("/switch/") && !$0.contains("/select/") })
    }

    @Test func `The ids of entities do not depend on the order of labels, and are unique`() throws {
        var settings = GatewaySettings()
        settings.daemons = [
            .init(name: "a", runtimeDirectory: "/a"), .init(name: "a_b", runtimeDirectory: "/b"),
        ]
        settings.mqtt.labels = ["c", "b c", "B c"]
        let messages = Discovery(settings).messages
        // Daemon `a` has a label `b_c`, daemon `a_b` a label `c`.
        #expect(messages.count == 2 * 3 + 2 * 2 + 1)
        settings.mqtt.labels.reverse()
        #expect(Discovery(settings).messages == messages)
    }

    @Test func `The address of a broker has a host, a port and TLS`() {
        #expect(BrokerAddress("mqtt://broker")?.port == 1883)
        #expect(BrokerAddress("mqtts://broker/")?.port == 8883)
        let address = BrokerAddress("mqtts://[::1]:9000")
        #expect(address?.host == "::1" && address?.port == 9000 && address?.usesTLS == true)
        #expect(address?.description == "[::1]:9000")
        #expect(BrokerAddress("mqtt://broker")?.description == "broker:1883")
        for text in ["broker", "http://broker", "mqtt://", "mqtt://a:b", "mqtt://user:pw@a", "mqtt://a:0"] {
            #expect(BrokerAddress(text) == nil, "\(text)")
        }
    }
}
