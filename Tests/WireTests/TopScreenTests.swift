import SystemSupport
import Testing
import Wire

@testable import astctl

@Suite struct TopScreenTests {
    private static let second: Int64 = 1_000_000_000
    private static let start: Int64 = 1_767_225_598 * second

    private func prediction(_ seq: UInt64, _ scores: [(String, Float)], adapter: String? = nil) -> LiveRecord
    {
        .prediction(
            Prediction(
                seq: seq, unixNanos: Self.start + Int64(seq) * Self.second / 2, startSample: 0,
                endSample: 164_080, levelDBFS: -23, latencyMs: Double(seq) * 10, passMs: 8, adapter: adapter,
                labels: scores.enumerated().map { ScoredLabel(index: $0, label: $1.0, score: $1.1) }))
    }

    private func event(_ state: EventRecord.State, _ label: String, id: UInt64 = 1) -> LiveRecord {
        .event(
            EventRecord(
                state: state, id: "\(id)", seq: 0, label: label, unixNanos: Self.start, startSample: 0,
                endSample: 0, peakScore: 0.9, duration: 1))
    }

    private func state(
        _ records: [LiveRecord], labels: Set<String>? = nil, adapters: [String?] = [nil]
    ) -> TopState {
        var state = TopState(
            hello: Hello(
                run: RecordTests.run, model: "ast", adapters: adapters, labels: 2, window: 10.24, hop: 0.5),
            labels: labels)
        for record in records { state.update(with: record) }
        return state
    }

    private static let wide = ScreenFrame(width: 80, height: 24, zone: .offset(0))

    @Test func `Scores, means, peaks and events are aligned in columns`() {
        let records = [
            prediction(1, [("Dog", 0.9), ("Siren", 0.5)]), event(.begin, "Dog"),
            prediction(2, [("Siren", 0.75), ("Dog", 0.1)]), event(.end, "Dog"), event(.begin, "Siren", id: 2),
            prediction(3, [("Siren", 1), ("Dog", 0.2)]),
            .source(SourceRecord(state: .lost, name: "pulse", message: "gone")),
        ]
        #expect(
            state(records).lines(Self.wide) == [
                "model ast  window 10.24 s, hop 0.5 s",
                "23:59:59  source lost  2 windows/s  latency 30 ms (mean 20, inference 8)",
                "source lost: gone (pulse); now: Siren",
                "",
                "LABEL  SCORE   MEAN   PEAK  EVENTS      LAST",
                "Siren  1.000  0.750  1.000       1       now",
                "Dog    0.200  0.400  0.900       1  23:59:58",
            ])
    }

    @Test func `Times are those of the user's zone, in its summer time, too`() {
        let state = state([prediction(1, [("Dog", 0.9)]), event(.begin, "Dog"), event(.end, "Dog")])
        var frame = Self.wide
        frame.zone = .offset(34_200)
        let lines = state.lines(frame)
        #expect(lines[1].hasPrefix("09:29:58  "))
        #expect(lines[5].hasSuffix("  09:29:58"))
    }

    @Test func `An event that is in progress when the screen starts is counted`() {
        // Once, also when it is published again after a reconnection.
        let records = [event(.begin, "Dog"), event(.begin, "Dog"), prediction(1, [("Dog", 0.9)])]
        let lines = state(records).lines(Self.wide)
        #expect(lines[5] == "Dog    0.900  0.900  0.900       1       now")
    }

    @Test func `A narrow terminal leaves out columns before it cuts labels`() {
        let state = state([prediction(1, [("Carbon monoxide alarm", 0.9), ("Siren, hi-lo", 0.1)])])
        func table(_ width: Int) -> [String] {
            var frame = Self.wide
            frame.width = width
            return Array(state.lines(frame).dropFirst(4))
        }
        #expect(
            table(60) == [
                "LABEL                  SCORE   MEAN   PEAK  EVENTS      LAST",
                "Carbon monoxide alarm  0.900  0.900  0.900       0         -",
                "Siren, hi-lo           0.100  0.100  0.100       0         -",
            ])
        #expect(
            table(40) == [
                "LABEL                   MEAN      LAST",
                "Carbon monoxide alarm  0.900         -",
                "Siren, hi-lo           0.100         -",
            ])
        #expect(table(24)[1] == "Carbon monoxide …  0.900")
        #expect(table(120) == table(60))
        #expect(TopScreen.columns(width: 80, longestLabel: 60).count == 5)
    }

    @Test func `The latency is shown as far as the line has room`() {
        let state = state([prediction(1, [("Dog", 0.9)]), prediction(2, [("Dog", 0.9)])])
        func pace(_ width: Int) -> String {
            var frame = Self.wide
            frame.width = width
            return state.lines(frame)[1]
        }
        #expect(pace(60) == "23:59:59  source healthy  2 windows/s  latency 20 ms")
        #expect(pace(40) == "23:59:59  source healthy  2 windows/s")
        #expect(pace(10) == "23:59:59")
    }

    @Test func `Only what is live is ended with Ctrl-C`() {
        var frame = Self.wide
        #expect(state([]).lines(frame)[2] == "Ctrl-C to quit")
        #expect(state([prediction(1, [])]).lines(frame)[2] == "no problems; Ctrl-C to quit")
        frame.isLive = false
        #expect(state([prediction(1, [])]).lines(frame)[2] == "no problems")
    }

    @Test func `The mean covers the last ten windows`() {
        let records = (1...12).map { prediction(UInt64($0), [("Dog", $0 <= 2 ? 1 : 0.5)]) }
        let row = state(records).sorted.first
        #expect(row?.mean == 0.5)
        #expect(row?.peak == 1)
    }

    @Test func `Labels of several adapters have its name, and those of an inactive one are removed`() {
        let both = [prediction(1, [("Dog", 0.9)], adapter: "birds"), prediction(2, [("Dog", 0.1)])]
        var shown = state(both, adapters: ["birds", nil])
        let names = shown.lines(Self.wide).dropFirst(5).map {
            $0.split(separator: "  ").first
        }
        #expect(names == ["birds: Dog", "base: Dog"])
        shown.update(with: .adapter(AdapterRecord(adapters: [nil])))
        #expect(shown.sorted.map(\.adapter) == ["base"])
    }

    @Test func `Only the selected labels are shown`() {
        let records = [prediction(1, [("Dog", 0.9), ("Siren", 0.5)]), event(.begin, "Dog")]
        #expect(state(records, labels: ["Siren"]).sorted.map(\.label) == ["Siren"])
    }

    @Test
    func `The table fits the terminal, and is coloured only on request`() {
        let worst = state([
            prediction(1, (0..<40).map { ("A label of many words, number \($0)", 0.5) }),
            event(.begin, "A label of many words, number 3"),
        ])
        for width in 1...130 {
            for height in 1...12 {
                let lines = worst.lines(ScreenFrame(width: width, height: height))
                #expect(lines.allSatisfy { $0.count <= width }, "width \(width)")
                #expect(lines.count <= max(1, height - 1), "height \(height)")
                #expect(!lines.joined().contains("\u{1B}"))
            }
        }
        let bright = worst.lines(ScreenFrame(width: 80, height: 60, palette: .ansi)).joined()
        #expect(bright.contains("\u{1B}[36mA label"))
    }
}
