import Capture
import Logging
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Daemon

/// Every state a source can be in, in every place that shows it.
@Suite(.timeLimit(.minutes(10))) struct SourceStateTests {
    /// A state, how it comes about, and what is shown.
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var event: SourceEvent.State
        var reason: String?
        var condition = StreamCondition()
        /// The state in records and in `status`.
        var state: SourceRecord.State
        /// A part of the message; nil when there is none.
        var message: String?
        var explain: ExplainReport.State
        /// Samples of metrics that are 1; those of the others are 0.
        var metrics: Set<String>
        var statusLine: String
        /// A part of the last log line.
        var log: String
    }

    private static let gauges: Set<String> = [
        "astd_source_healthy", "astd_source_paused", "astd_source_muted", "astd_source_gated",
        "astd_overloaded",
        #"astd_source_state{state="healthy"}"#, #"astd_source_state{state="lost"}"#,
        #"astd_source_state{state="recovering"}"#, #"astd_source_state{state="paused"}"#,
        #"astd_source_fault{fault="muted"}"#, #"astd_source_fault{fault="dead"}"#,
        #"astd_source_fault{fault="cancelling"}"#, #"astd_source_fault{fault="silent_channel"}"#,
        #"astd_source_fault{fault="clipping"}"#,
    ]
    private static let healthy: Set<String> = [
        "astd_source_healthy", #"astd_source_state{state="healthy"}"#,
    ]

    static let cases = [
        Case(
            testDescription: "healthy", event: .healthy, state: .healthy, explain: .below, metrics: healthy,
            statusLine: "listening to pulse:mic", log: "source pulse:mic is healthy"),
        Case(
            testDescription: "lost", event: .lost, reason: "no server", state: .lost, message: "no server",
            explain: .lost, metrics: [#"astd_source_state{state="lost"}"#],
            statusLine: "not listening: no server", log: "source pulse:mic is lost: no server"),
        Case(
            testDescription: "recovering", event: .recovering, state: .recovering,
            message: "its first samples have not arrived", explain: .recovering,
            metrics: [#"astd_source_state{state="recovering"}"#],
            statusLine: "pulse:mic is back; waiting for its first samples", log: "is recovering"),
        Case(
            testDescription: "paused", event: .paused, state: .paused, message: "nothing is recorded",
            explain: .paused, metrics: ["astd_source_paused", #"astd_source_state{state="paused"}"#],
            statusLine: "paused; nothing is recorded until `astctl resume`",
            log: "is paused: nothing is recorded until `astctl resume`"),
        Case(
            testDescription: "muted", event: .healthy,
            condition: StreamCondition(isMuted: true, isGated: true),
            state: .healthy, message: "only digital silence: is the microphone muted?", explain: .below,
            metrics: healthy.union([
                "astd_source_muted", "astd_source_gated", #"astd_source_fault{fault="muted"}"#,
            ]),
            statusLine: "listening to pulse:mic; only digital silence: is the microphone muted?",
            log: "only digital silence: is the microphone muted?"),
        Case(
            testDescription: "gated", event: .healthy, condition: StreamCondition(isGated: true),
            state: .healthy, message: "everything is below the gate", explain: .below,
            metrics: healthy.union(["astd_source_gated"]),
            statusLine:
                "listening to pulse:mic; everything is below the gate, so windows are not classified",
            log: "is healthy"),
        Case(
            testDescription: "overloaded", event: .healthy,
            condition: StreamCondition(overload: "windows are skipped: a pass takes 900 ms"),
            state: .healthy, message: "windows are skipped: a pass takes 900 ms", explain: .below,
            metrics: healthy.union(["astd_overloaded"]),
            statusLine: "listening to pulse:mic; windows are skipped: a pass takes 900 ms", log: "is healthy"),
    ]

    @Test func `What is wrong with the sound is the message of a healthy source, until it is mended`() {
        let log = LogRecorder()
        let hub = EventHub()
        let monitor = SourceMonitor(
            name: "pulse", hub: hub, commands: CommandMailbox(ring: SampleRing(capacitySamples: 1)),
            logger: log.logger)
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic"))
        var signal = SignalCondition()
        signal.isClipping = true
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic", signal: signal))
        monitor.process(StreamCondition(isGated: true))
        #expect(
            monitor.record.message == "the input clips (samples at full scale): lower its gain; "
                + "everything is below the gate, so windows are not classified")
        #expect(monitor.line.hasPrefix("listening to pulse:mic; the input clips"))
        // The loss has its own reason; the fault is still there afterwards.
        monitor.process(SourceEvent(state: .lost, name: "pulse:mic", message: "no server"))
        #expect(monitor.record.message == "no server")
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic"))
        #expect(monitor.record.message?.hasPrefix("the input clips") == true)
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic", signal: SignalCondition()))
        monitor.process(StreamCondition())
        #expect(monitor.record.message == nil && monitor.record.state == .healthy)
    }

    @Test(arguments: cases)
    func `A state is shown to whoever arrives, in every place`(_ shown: Case) async throws {
        try await TestServer.with { test in
            let log = LogRecorder()
            let monitor = SourceMonitor(
                name: "pulse", hub: test.hub, commands: CommandMailbox(ring: SampleRing(capacitySamples: 1)),
                logger: log.logger)
            // Another state before, so that each is a change.
            monitor.process(SourceEvent(state: shown.event == .lost ? .healthy : .lost, name: "pulse:mic"))
            monitor.process(SourceEvent(state: shown.event, name: "pulse:mic", message: shown.reason))
            monitor.process(shown.condition)

            // Whoever connects to events.sock, connects to astd.sock, or subscribes.
            let listener = try TestClient(test.events)
            let control = try TestClient(test.control)
            for client in [listener, control] {
                guard case .hello? = try await client.record() else {
                    Issue.record("the first line is not hello")
                    return
                }
                try check(try await client.record(), shown)
            }
            _ = try await control.request("subscribe", #"{"types":["source"]}"#)
            try check(try await control.record(), shown)

            var status = MetricsTests.status
            status.source = SourceReport(monitor.record)
            #expect(status.source?.state == shown.state && status.source?.name == "pulse:mic")
            #expect((status.source?.message ?? "").contains(shown.message ?? "") == true)
            #expect((status.source?.message == nil) == (shown.message == nil))
            #expect(try StatusReport(JSONObject(parsing: JSONText(status).bytes)).source == status.source)

            let explained = Self.explanation.with(monitor.record)
            #expect(explained.state == shown.explain)
            #expect(explained.reason.contains(shown.message ?? "below"), "\(explained.reason)")

            let metrics = MetricsText(
                status,
                [
                    SourceMetrics(
                        state: monitor.record.state, hopSeconds: 1, counters: SourceCounters(),
                        condition: monitor.sound.condition, signal: monitor.sound.signal)
                ]
            ).text.split(separator: "\n").map(String.init)
            for gauge in Self.gauges {
                let value = shown.metrics.contains(gauge) ? 1 : 0
                #expect(metrics.contains("\(gauge) \(value)"), "\(gauge) is not \(value)")
            }
            #expect(monitor.line == shown.statusLine)
            #expect(log.messages.last?.contains(shown.log) == true, "\(log.messages)")
        }
    }

    private static let explanation = ExplainReport(
        label: "Siren", index: 3, adapter: nil, state: .below,
        reason: "the score 0.1 is below the threshold `on`",
        time: nil, score: 0.1, smoothedScore: 0.1, on: 0.5, off: 0.35, smoothing: 1, hits: 0, minimumHits: 2,
        mergeGapSeconds: 2, refractorySeconds: 0, refractoryUntil: nil, isAllowed: true, event: nil,
        eventBegin: nil, peakScore: nil)

    private func check(_ record: LiveRecord?, _ shown: Case) throws {
        guard case .source(let source)? = record else {
            Issue.record("\(String(describing: record)) is not a source record")
            return
        }
        #expect(source.state == shown.state && source.name == "pulse:mic")
        #expect((source.message == nil) == (shown.message == nil))
        #expect((source.message ?? "").contains(shown.message ?? ""), "\(source.message ?? "")")
    }

    @Test func `A muted source is reported as muted until sound returns, also after a loss`() {
        let hub = EventHub()
        let log = LogRecorder()
        let monitor = SourceMonitor(
            name: "pulse:mic", hub: hub, commands: CommandMailbox(ring: SampleRing(capacitySamples: 1)),
            logger: log.logger)
        #expect(monitor.record.state == .recovering && monitor.record.message != nil)
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic"))
        monitor.process(StreamCondition(isMuted: true))
        #expect(monitor.record.message?.contains("muted") == true)
        monitor.process(SourceEvent(state: .lost, name: "pulse:mic", message: "gone"))
        #expect(monitor.record.message == "gone")
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic"))
        #expect(monitor.record.message?.contains("muted") == true)
        #expect(monitor.reconnects == 1)
        monitor.process(StreamCondition())
        #expect(monitor.record.isFine)
        #expect(log.messages.last?.contains("no longer counts as muted") == true)
    }

    @Test func `A source that delivers nothing says nothing about its sound`() {
        let monitor = SourceMonitor(
            name: "pulse:mic", hub: EventHub(),
            commands: CommandMailbox(ring: SampleRing(capacitySamples: 1)), logger: LogRecorder().logger)
        var signal = SignalCondition()
        signal.isClipping = true
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic"))
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic", signal: signal))
        monitor.process(StreamCondition(isMuted: true, isGated: true, overload: "windows are skipped"))
        #expect(SourceFault.of(monitor.sound.condition, monitor.sound.signal) == [.muted, .clipping])
        for state in [SourceEvent.State.lost, .recovering, .paused] {
            monitor.process(SourceEvent(state: state, name: "pulse:mic"))
            #expect(monitor.sound.condition == StreamCondition(), "\(state)")
            #expect(monitor.sound.signal == SignalCondition(), "\(state)")
        }
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic"))
        #expect(monitor.sound.condition.isMuted && monitor.sound.signal.isClipping)
    }

    @Test func `Digital silence is not reported as sound in order`() {
        let log = LogRecorder()
        let monitor = SourceMonitor(
            name: "pulse:mic", hub: EventHub(),
            commands: CommandMailbox(ring: SampleRing(capacitySamples: 1)), logger: log.logger)
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic"))
        monitor.process(StreamCondition(isMuted: true))
        var signal = SignalCondition()
        signal.deadInput = .silence
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic", signal: signal))
        #expect(log.messages.last == "source pulse:mic: only digital silence: is the microphone muted?")
        signal.deadInput = .hum
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic", signal: signal))
        monitor.process(SourceEvent(state: .healthy, name: "pulse:mic", signal: SignalCondition()))
        #expect(log.messages.last == "source pulse:mic: its sound is in order again")
    }

    @Test func `Every fault of the sound has its metric`() {
        var signal = SignalCondition()
        #expect(SourceFault.of(StreamCondition(isGated: true), signal).isEmpty)
        for (reason, fault) in [
            (DeadInputDetector.Reason.leastBit, SourceFault.dead), (.hum, .dead), (.silence, nil),
        ] as [(DeadInputDetector.Reason, SourceFault?)] {
            signal.deadInput = reason
            #expect(SourceFault.of(StreamCondition(), signal) == Set([fault].compactMap { $0 }))
        }
        signal = SignalCondition()
        signal.channelFault = .cancelling(1, 2)
        #expect(SourceFault.of(StreamCondition(), signal) == [.cancelling])
        signal.channelFault = .silent(2)
        #expect(SourceFault.of(StreamCondition(), signal) == [.silentChannel])
    }

    @Test func `The end of a source has the reason that the source has reported`() {
        let hub = EventHub()
        let log = LogRecorder()
        let monitor = SourceMonitor(
            source: "tape", name: "file:/a.wav", hub: hub,
            commands: CommandMailbox(ring: SampleRing(capacitySamples: 1)), logger: log.logger)
        monitor.begin()
        #expect(log.messages.last == "source tape (file:/a.wav): waiting for its first samples")
        monitor.process(SourceEvent(state: .healthy, name: "file:/a.wav"))
        monitor.process(SourceEvent(state: .ended, name: "file:/a.wav", message: "the file has ended"))
        #expect(monitor.record.state == .healthy, "its last windows are not classified yet")
        #expect(log.messages.last == "source tape (file:/a.wav) has ended: the file has ended")
        monitor.end(nil)
        #expect(monitor.record.state == .ended && monitor.record.message == "the file has ended")
        #expect(monitor.record.sentence == "source tape (file:/a.wav) has ended: the file has ended")
        #expect(monitor.line == "file:/a.wav has ended: the file has ended")
    }

    @Test func `What explains a window below the gate is said, if it is not the gate`() {
        var quiet = Self.explanation
        (quiet.state, quiet.reason) = (.quiet, "too quiet (gate)")
        func reason(_ condition: StreamCondition) -> String {
            quiet.with(SourceRecord(state: .healthy, name: "pulse", message: condition.message)).reason
        }
        #expect(reason(StreamCondition(isGated: true)) == "too quiet (gate)")
        #expect(
            reason(StreamCondition(isMuted: true, isGated: true))
                == "too quiet (gate); only digital silence: is the microphone muted?")
    }

    @Test func `A label that the settings exclude is explained as such, whatever the source does`() {
        var denied = Self.explanation
        denied.state = .denied
        let lost = SourceRecord(state: .lost, name: "pulse", message: "gone")
        #expect(denied.with(lost) == denied)
        var active = Self.explanation
        (active.state, active.event) = (.active, "run-7")
        #expect(active.with(lost).state == .lost && active.with(lost).reason.contains("event run-7"))
    }
}
