import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// `astd-gateway run` between a real daemon and a real broker.
@Suite(.timeLimit(.minutes(10)))
struct GatewayMQTTTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func gateway(
        _ url: String, labels: String = "[Speech, Dog]", commands: Bool = false, version: String = "3.1.1"
    ) throws -> ChildProcess {
        try TestGateway(
            """
            history: {path: \(folder.file("history.sqlite"))}
            mqtt: {url: "\(url)", labels: \(labels), discovery: true, commands: \(commands), protocol: \(version)}
            """, in: folder
        ).start()
    }

    /// The payloads that a subscriber has received of a topic, in order.
    private func payloads(_ topic: String, _ subscriber: ChildProcess) throws -> [String] {
        try subscriber.standardOutput().split(separator: "\n").compactMap { line in
            line.hasPrefix(topic + " ") ? String(line.dropFirst(topic.count + 1)) : nil
        }
    }

    /// `begin ID` or `end ID` of each event that a subscriber has received.
    private func events(_ subscriber: ChildProcess) throws -> [String] {
        try payloads("astd/test/event", subscriber).map { payload in
            let event = try JSONObject(parsing: Array(payload.utf8))
            #expect(try event.requiredString("daemon") == "kitchen")
            return "\(try event.requiredString("state")) \(try event.requiredString("id"))"
        }
    }

    private func last(_ topic: String, is payload: String, _ subscriber: ChildProcess) async throws {
        try await eventually("\(payload) in \(topic)") {
            try payloads(topic, subscriber)
        } until: {
            $0.last == payload
        }
    }

    @Test(arguments: ["3.1.1", "5"])
    func `States follow the daemon and the gateway, also when they are killed`(version: String) async throws {
        let broker = try await MosquittoBroker(in: folder)
        let subscriber = try await broker.subscribe(to: "#")
        var daemon = try await RunningDaemon.startWithOneEvent(in: folder)
        let gateway = try gateway(broker.url, version: version)
        let label = "astd/test/kitchen/label/speech"
        try await last("astd/test/status", is: "online", subscriber)
        try await last(label, is: "ON", subscriber)
        try await last("astd/test/kitchen/label/dog", is: "OFF", subscriber)
        try await eventually("a score and a level") {
            try payloads(label + "/score", subscriber).isEmpty
                || payloads("astd/test/kitchen/loudest", subscriber).isEmpty ? nil : true
        }
        let config = "homeassistant/binary_sensor/astd_test-kitchen-dog/config"
        #expect(try payloads(config, subscriber).count == 1)

        daemon.program.kill()
        try await last(label, is: "OFF", subscriber)
        try await eventually("the end of the event") { try events(subscriber).count == 2 ? true : nil }
        try await eventually("a daemon that is not connected") {
            try payloads("astd/test/kitchen/state", subscriber)
        } until: {
            $0.last?.contains(#""connected":false"#) == true
        }
        daemon = try await RunningDaemon.startWithOneEvent(in: folder)
        try await last(label, is: "ON", subscriber)

        // The broker publishes the last will.
        gateway.kill()
        try await last("astd/test/status", is: "offline", subscriber)
        // The entity of a label that was removed from the settings is removed.
        let next = try self.gateway(broker.url, labels: "[Speech]", version: version)
        try await last("astd/test/status", is: "online", subscriber)
        // An empty payload is printed as `(null)`.
        try await last(config, is: "(null)", subscriber)
        try await last("astd/test/kitchen/label/dog", is: "(null)", subscriber)
        next.send(SIGTERM)
        #expect(try await next.exit().code == 0)
        try await last("astd/test/status", is: "offline", subscriber)
        let all = try events(subscriber)
        // QoS 1: an event that the killed gateway had sent without an acknowledgement is sent again.
        try #require(all.count >= 3 && Set(all).count == 3, "\(all)")
        #expect(all.dropFirst(3).allSatisfy { $0 == all[2] }, "\(all)")
        #expect(all[0].replacing("begin", with: "end") == all[1])
        daemon.program.kill()
    }

    @Test func `Events wait for the broker, over kills of the gateway, and arrive once in order`()
        async throws
    {
        let broker = try await MosquittoBroker(in: folder)
        try await broker.stop()
        var ids: [String] = []
        for _ in 0..<2 {
            // An event without a broker; then gateway and daemon are killed.
            let daemon = try await RunningDaemon.startWithOneEvent(in: folder)
            let gateway = try gateway(broker.url)
            let begin = try await daemon.listen().next("the begin") { $0.event }
            ids.append(begin.id)
            let count = ids.count
            try await eventually("the event in the history") {
                let listed = try await Astd.run(
                    ["astd-gateway", "events", "--config", folder.file("gateway.yaml")], in: folder)
                return listed.lines.count == count ? true : nil
            }
            gateway.kill()
            daemon.program.kill()
        }
        try await broker.start()
        let subscriber = try await broker.subscribe(to: "astd/test/event")
        let gateway = try gateway(broker.url)
        let expected = ids.flatMap { ["begin \($0)", "end \($0)"] }
        try await eventually("all events at the broker") {
            try events(subscriber)
        } until: {
            $0.count >= expected.count
        }
        // A restart of the broker repeats nothing.
        subscriber.kill()
        try await broker.stop()
        try await broker.start()
        let second = try await broker.subscribe(to: "#")
        try await last("astd/test/status", is: "online", second)
        let daemon = try await RunningDaemon.startWithOneEvent(in: folder)
        let begin = try await daemon.listen().next("the begin") { $0.event }
        try await eventually("the next event") { try events(second).isEmpty ? nil : true }
        #expect(try events(subscriber) == expected)
        #expect(try events(second) == ["begin \(begin.id)"])
        gateway.kill()
        daemon.program.kill()
    }

    @Test func `Clients of the broker pause the daemon and choose adapters, with the setting only`()
        async throws
    {
        let broker = try await MosquittoBroker(in: folder)
        let subscriber = try await broker.subscribe(to: "#")
        let daemon = try await RunningDaemon.startWithOneEvent(in: folder)
        let adapter = "\(Astd.repository)/Tests/Golden/adapters/modern-qv"
        #expect(try await daemon.astctl("adapter", "load", adapter).code == 0)
        // What a client left at the broker is not carried out.
        try await broker.publish("ON", to: "astd/test/kitchen/pause/set", isRetained: true)
        var gateway = try gateway(broker.url, commands: true)
        try await last("astd/test/status", is: "online", subscriber)
        let select = "homeassistant/select/astd_test-kitchen-adapter/config"
        try await eventually("the choice of adapters") {
            try payloads(select, subscriber).last?.contains(#""options":["base","modern-qv"]"#) ?? false
                ? true : nil
        }
        func state(_ part: String) async throws {
            try await eventually("\(part) in the state") {
                try payloads("astd/test/kitchen/state", subscriber).last?.contains(part) ?? false ? true : nil
            } otherwise: {
                try gateway.standardError()
            }
        }
        try await state(#""paused":false"#)
        try await broker.publish("modern-qv", to: "astd/test/kitchen/adapter/set")
        try await state(#""adapter":"modern-qv""#)
        try await broker.publish("on; rm -rf /", to: "astd/test/kitchen/pause/set")
        try await broker.publish("none", to: "astd/test/kitchen/adapter/set")
        try await broker.publish("ON", to: "astd/test/kitchen/pause/set")
        try await state(#""paused":true"#)
        try await broker.publish("OFF", to: "astd/test/kitchen/pause/set")
        try await state(#""paused":false"#)
        let log = try gateway.standardError()
        #expect(
            log.contains("the message is retained") && log.contains("daemon refused adapter.use"), "\(log)")

        gateway.kill()
        gateway = try self.gateway(broker.url)
        // Entities that would have no effect are removed.
        try await last(select, is: "(null)", subscriber)
        try await broker.publish("ON", to: "astd/test/kitchen/pause/set")
        try await broker.publish("OFF", to: "astd/test/kitchen/pause/set")
        gateway.send(SIGTERM)
        #expect(try await gateway.exit().code == 0)
        #expect(try await daemon.status().adapters == ["modern-qv"])
        #expect(try await daemon.statusText().contains("paused") == false)
        daemon.program.kill()
    }
}
