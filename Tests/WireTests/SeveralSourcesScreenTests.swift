import SystemSupport
import Testing
import Wire

@testable import astctl

@Suite struct SeveralSourcesScreenTests {
    private static let second: Int64 = 1_000_000_000

    private func prediction(_ source: String, _ seq: UInt64, _ scores: [(String, Float)]) -> LiveRecord {
        .prediction(
            Prediction(
                source: source, seq: seq, unixNanos: 1_767_225_598 * Self.second, startSample: 0,
                endSample: 164_080, levelDBFS: -23, latencyMs: 10, adapter: nil,
                labels: scores.enumerated().map { ScoredLabel(index: $0, label: $1.0, score: $1.1) }))
    }

    private static let hello = Hello(
        run: RecordTests.run, model: "ast", adapters: [nil], labels: 2, window: 10.24, hop: 0.5,
        sources: ["garden", "door", "attic"])

    private static let frame = ScreenFrame(width: 80, height: 24, zone: .offset(0))

    private var records: [LiveRecord] {
        [
            prediction("garden", 1, [("Dog", 0.9), ("Siren", 0.5)]),
            .source(SourceRecord(source: "door", state: .lost, name: "pipe:/d", message: "no writer")),
            .event(
                EventRecord(
                    source: "garden", state: .begin, id: "1", seq: 1, label: "Dog", unixNanos: 0,
                    startSample: 0, endSample: 0, peakScore: 0.9, duration: 0)),
            .gap(Gap(source: "door", startSample: 0, endSample: 16_000, reason: .sourceLost)),
        ]
    }

    @Test func `Watch shows each source on a line of its own`() {
        var state = SeveralSources(hello: Self.hello, filter: WatchFilter())
        for record in records { state.update(with: record) }
        #expect(
            state.lines(Self.frame) == [
                "model ast  window 10.24 s, hop 0.5 s",
                "",
                "garden  23:59:58   -23.0  Dog 0.900, Siren 0.500",
                "door    lost: no writer",
                "attic   waiting for the first window",
                "",
                "1 gap of 1 s; now: Dog in garden",
            ])
        #expect(state.lines(ScreenFrame(width: 30, height: 4)).allSatisfy { $0.count <= 30 })
        #expect(state.lines(ScreenFrame(width: 30, height: 4)).count == 3)
        let reason = "it was removed from the settings"
        state.update(
            with: .source(SourceRecord(source: "door", state: .ended, name: "pipe:/d", message: reason)))
        #expect(state.lines(Self.frame)[3] == "door    ended: it was removed from the settings")
        // A daemon that is back has other sources.
        state.update(
            with: .hello(
                Hello(
                    run: RunID("other"), model: "ast", adapters: [nil], labels: 2, window: 10.24, hop: 0.5,
                    sources: ["garden", "cellar"])))
        #expect(state.names == ["garden", "cellar"])
    }

    @Test func `Channels of a source with a long name remain distinguishable on 80 columns`() {
        let names = [
            "yard/left", "yard/right", "greenhouse-door/left", "greenhouse-door/right",
            "a-very-long-name-1", "a-very-long-name-2",
        ]
        let hello = Hello(
            run: RecordTests.run, model: "ast", adapters: [nil], labels: 3, window: 10.24, hop: 0.5,
            sources: names)
        var state = SeveralSources(hello: hello, filter: WatchFilter())
        var top = TopState(hello: hello, labels: nil)
        let label = "Outside, urban or manmade"
        for (number, name) in names.enumerated() {
            let records: [LiveRecord] = [
                prediction(name, UInt64(number + 1), [(label, 0.9), ("Dog", 0.5), ("Rain", 0.25)]),
                .source(SourceRecord(source: name, state: .healthy, name: "pulse")),
                .event(
                    EventRecord(
                        source: name, state: .begin, id: "\(number)", seq: 1, label: "Dog", unixNanos: 0,
                        startSample: 0, endSample: 0, peakScore: 0.9, duration: 0)),
            ]
            for record in records {
                state.update(with: record)
                top.update(with: record)
            }
        }
        let lines = state.lines(Self.frame)
        #expect(
            lines.dropFirst(2).prefix(6).map { String($0.prefix(18)) } == [
                "yard/left         ", "yard/right        ", "greenhouse…/left  ", "greenhous…/right  ",
                "a-very-lon…ame-1  ", "a-very-lon…ame-2  ",
            ])
        // Labels are left out as a whole, with their scores; so are events.
        #expect(lines[2].hasSuffix("-23.0  Outside, urban or manmade 0.900, …"))
        #expect(lines.last == "now: Dog in yard/left, Dog in yard/right, Dog in greenhouse-door/left, …")
        let rows = top.lines(Self.frame)
        #expect(rows.contains { $0.hasPrefix("greenhous…/right: Outside, urb") })
        #expect(rows.allSatisfy { $0.count <= 80 } && lines.allSatisfy { $0.count <= 80 })
        #expect(Set(rows.map { $0.prefix(26) }).count == rows.count, "\(rows)")
    }

    @Test func `Top shows the source of each label`() {
        var state = TopState(hello: Self.hello, labels: nil)
        for record in records { state.update(with: record) }
        state.update(with: .source(SourceRecord(source: "garden", state: .healthy, name: "pulse")))
        state.update(with: prediction("door", 2, [("Dog", 0.1)]))
        let lines = state.lines(Self.frame)
        #expect(lines[1].contains("1 of 2 sources healthy"))
        // The last record is of a healthy source; the other one is lost nevertheless.
        #expect(lines[2] == "door lost: no writer; 1 gap of 1 s; now: Dog")
        #expect(
            lines.contains { $0.hasPrefix("garden: Dog ") } && lines.contains { $0.hasPrefix("door: Dog ") })
        #expect(lines.allSatisfy { $0.count <= 80 })
    }
}
