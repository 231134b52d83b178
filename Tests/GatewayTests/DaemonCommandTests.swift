import Testing

@testable import Gateway

@Suite struct DaemonCommandTests {
    private let topics = CommandTopics(TopicNames(node: "home"), daemons: ["kitchen"])

    private func command(
        _ topic: String, _ payload: [UInt8], isRetained: Bool = false
    ) throws -> DaemonCommand {
        let message = MQTTClient.Received(
            topic: "astd/home/kitchen/\(topic)", payload: payload, isRetained: isRetained)
        let (daemon, command) = try topics.command(message)
        #expect(daemon == "kitchen")
        return command
    }

    private func refusal(_ topic: String, _ payload: [UInt8], isRetained: Bool = false) -> String? {
        #expect(throws: DaemonCommand.Refusal.self) {
            try command(topic, payload, isRetained: isRetained)
        }?.description
    }

    @Test func `Commands are ON, OFF and the name of an adapter`() throws {
        #expect(topics.all == ["astd/home/kitchen/adapter/set", "astd/home/kitchen/pause/set"])
        #expect(try command("pause/set", Array("ON".utf8)) == .pause(true))
        #expect(try command("pause/set", Array("OFF".utf8)) == .pause(false))
        #expect(try command("adapter/set", Array("Vögel 2".utf8)) == .adapter("Vögel 2"))
        let longest = String(repeating: "a", count: DaemonCommand.maximumBytes)
        #expect(try command("adapter/set", Array(longest.utf8)) == .adapter(longest))
    }

    @Test func `Other payloads are refused, and shown as one line of ASCII`() {
        #expect(refusal("pause/set", Array("on".utf8)) == "expected ON or OFF, found 'on'")
        #expect(refusal("pause/set", []) == "expected ON or OFF, found ''")
        let hostile = Array("ON\n<3>forged \u{1B}[2J".utf8)
        #expect(refusal("pause/set", hostile) == "expected ON or OFF, found 'ON?<3>forged ?[2J'")
        for payload in [
            [], [0x61, 0], [0xFF, 0xFE], Array("a\nb".utf8), Array("a\u{202E}b".utf8),
            [UInt8](repeating: 0x61, count: 257),
        ] {
            let text = refusal("adapter/set", payload) ?? ""
            #expect(text.hasPrefix("expected the name of an adapter") && text.utf8.count < 150)
            #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && ($0.isASCII || $0 == "…") })
        }
    }

    @Test func `A retained message and another topic are refused`() {
        #expect(refusal("pause/set", Array("ON".utf8), isRetained: true) == "the message is retained")
        #expect(refusal("level", Array("ON".utf8)) == "not a topic of commands")
    }

    @Test func `A flood of refusals is a line in ten seconds, which counts the others`() {
        let log = LogLines()
        var refusals = RefusalLog(logger: log.logger)
        let start = ContinuousClock.now
        for tenths in 0...250 {
            refusals.add("t", reason: "r", now: start + .milliseconds(100 * tenths))
        }
        let line = "warning refused a command of the broker"
        #expect(
            log.lines == [
                line + " reason=r topic=t", line + " more=99 reason=r topic=t",
                line + " more=99 reason=r topic=t",
            ])
    }

    @Test func `Commands that do not fit into the queue are refused`() {
        let daemon = GatewaySettings.Daemon(name: "kitchen", runtimeDirectory: "/nowhere")
        let runner = CommandRunner(daemon, logger: LogLines().logger)
        for _ in 0..<CommandRunner.maximumQueue { #expect(runner.submit(.pause(true))) }
        #expect(!runner.submit(.pause(true)))
    }
}
