import SystemSupport
import Testing
import Wire

@testable import astctl

@Suite struct WatchScreenTests {
    private static let hello = Hello(
        run: RecordTests.run, model: "ast-audioset", adapters: [nil], labels: 527, window: 10.24, hop: 0.5)

    private static let prediction = Prediction(
        seq: 42, unixNanos: 1_767_225_598_250_000_000, startSample: 0, endSample: 164_080, levelDBFS: -23.46,
        latencyMs: 812.3, adapter: "birds",
        labels: [
            ScoredLabel(index: 0, label: "Speech", score: 1),
            ScoredLabel(
                index: 72, label: "Domestic animals, pets, and every one of their noises", score: 0.5),
            ScoredLabel(index: 74, label: "Bark", score: 0.0123),
            ScoredLabel(index: 75, label: "Evil\u{1B}[2J", score: 0.0001),
        ])

    private func state(_ records: [LiveRecord], _ filter: WatchFilter = WatchFilter()) -> WatchState {
        var state = WatchState(hello: Self.hello, filter: filter)
        for record in records { state.update(with: record) }
        return state
    }

    private static let wide = ScreenFrame(width: 80, height: 24, zone: .offset(0))
    private static let bright = ScreenFrame(width: 80, height: 24, palette: .ansi)

    @Test func `The layout at 80 columns`() {
        let screen = WatchScreen(state([.prediction(Self.prediction)]), Self.wide)
        #expect(
            screen.lines == [
                "model ast-audioset, adapter birds  window 10.24 s, hop 0.5 s",
                "23:59:58.250  latency 812 ms   -23.5 dBFS ███████████████████████▏",
                "",
                "Speech                          1.000 ██████████████████████████████████████████",
                "Domestic animals, pets, and e…  0.500 █████████████████████",
                "Bark                            0.012 ▌",
                "Evil\u{FFFD}[2J                        0.000",
                "",
                "no problems; Ctrl-C to quit",
            ])
    }

    @Test func `Before the first window the screen says that it waits for it`() {
        #expect(
            WatchScreen(state([]), Self.wide).lines == [
                "model ast-audioset  window 10.24 s, hop 0.5 s", "waiting for the first window", "", "",
                "Ctrl-C to quit",
            ])
    }

    @Test func `The last line shows gaps, losses, the source and events`() {
        let begin = EventRecord(
            state: .begin, id: "1", seq: 0, label: "Siren", unixNanos: 0, startSample: 0, endSample: 0,
            peakScore: 0.5, duration: 0)
        let end = EventRecord(
            state: .end, id: "1", seq: 0, label: "Siren", unixNanos: 0, startSample: 0, endSample: 32_000,
            peakScore: 0.5, duration: 2)
        let records: [LiveRecord] = [
            .gap(Gap(startSample: 0, endSample: 480, reason: .overrun)), .lost(Lost(count: 3)),
            .source(SourceRecord(state: .lost, name: "pulse", message: "gone")), .event(begin),
        ]
        #expect(
            WatchScreen(state(records), Self.wide).lines.last
                == "source lost: gone (pulse); 3 records lost; 1 gap of 0.03 s; now: Siren")
        let later = records + [.source(SourceRecord(state: .healthy, name: "pulse")), .event(end)]
        #expect(
            WatchScreen(state(later), Self.wide).lines.last
                == "3 records lost; 1 gap of 0.03 s")
    }

    /// The states of a source, each with what `watch`, `top`, a pipe and `status` say about it.
    private static let troubles: [(source: SourceRecord, note: String, pipe: String?, status: String)] = [
        (
            SourceRecord(state: .healthy, name: "pulse:mic"), "no problems; Ctrl-C to quit", nil,
            "pulse:mic, healthy"
        ),
        (
            SourceRecord(state: .lost, name: "pulse:mic", message: "no server"),
            "source lost: no server (pulse:mic)",
            "astctl: source pulse:mic is lost: no server\n", "pulse:mic, lost: no server"
        ),
        (
            SourceRecord(state: .recovering, name: "pulse:mic", message: "no samples yet"),
            "source recovering: no samples yet (pulse:mic)",
            "astctl: source pulse:mic is recovering: no samples yet\n",
            "pulse:mic, recovering: no samples yet"
        ),
        (
            SourceRecord(state: .paused, name: "pulse:mic", message: "nothing is recorded"),
            "source paused: nothing is recorded (pulse:mic)",
            "astctl: source pulse:mic is paused: nothing is recorded\n",
            "pulse:mic, paused: nothing is recorded"
        ),
        (
            SourceRecord(state: .healthy, name: "pulse:mic", message: "only digital silence"),
            "source: only digital silence (pulse:mic)",
            "astctl: source pulse:mic is healthy: only digital silence\n",
            "pulse:mic, healthy: only digital silence"
        ),
        (
            SourceRecord(state: .healthy, name: "pulse:mic", message: "everything is below the gate"),
            "source: everything is below the gate (pulse:mic)",
            "astctl: source pulse:mic is healthy: everything is below the gate\n",
            "pulse:mic, healthy: everything is below the gate"
        ),
        (
            SourceRecord(state: .healthy, name: "pulse:mic", message: "windows are skipped: raise hop"),
            "source: windows are skipped: raise hop (pulse:mic)",
            "astctl: source pulse:mic is healthy: windows are skipped: raise hop\n",
            "pulse:mic, healthy: windows are skipped: raise hop"
        ),
    ]

    @Test func `Whatever the state of the source, watch, top, a pipe and status show it and its reason`() {
        for (source, note, pipe, status) in Self.troubles {
            let records: [LiveRecord] = [.prediction(Self.prediction), .source(source)]
            #expect(WatchScreen(state(records), Self.wide).lines.last == note)
            var top = TopState(hello: Self.hello, labels: nil)
            for record in records { top.update(with: record) }
            let topLines = TopScreen(top, Self.wide).lines
            #expect(topLines[2] == note)
            #expect(topLines[1].contains("source \(source.state.rawValue)"))
            var notice = SourceNotice()
            #expect(notice.line(for: .source(source)) == pipe)
            #expect(notice.line(for: .source(source)) == nil, "it is reported once")
            var report = StatusReportTests.report
            report.source = SourceReport(source)
            let line = StatusText.lines(report).first { $0.hasPrefix("source") }
            #expect(line?.hasSuffix(status) == true, "\(line ?? "")")
            // Before the first window.
            let first = WatchScreen(state([.source(source)]), Self.wide).lines
            #expect(first.last != "no problems; Ctrl-C to quit")
            if source.state != .healthy {
                #expect(first[1] == "waiting for the first window: the source is \(source.state.rawValue)")
            }
        }
    }

    @Test
    func `A daemon that has ended is shown as such, and its events and source are those of the next run`() {
        let begin = EventRecord(
            state: .begin, id: RecordTests.run.eventID(1), seq: 0, label: "Siren", unixNanos: 0,
            startSample: 0, endSample: 0, peakScore: 0.5, duration: 0)
        let healthy = LiveRecord.source(SourceRecord(state: .healthy, name: "pulse:mic"))
        var top = TopState(hello: Self.hello, labels: nil)
        for record in [healthy, .prediction(Self.prediction), .event(begin)] { top.update(with: record) }
        #expect(top.watch.trouble == nil && top.watch.events.count == 1)
        top.setConnected(false)
        #expect(top.watch.trouble == "the daemon has ended; waiting for its return")
        #expect(top.watch.events.isEmpty && top.watch.source?.state == .lost)
        #expect(!top.sorted.contains { $0.isActive })
        top.update(
            with: .hello(
                Hello(
                    run: RunID("0123456789abcdef"), model: "other", adapters: [nil], labels: 527,
                    window: 5.12,
                    hop: 0.5)))
        top.setConnected(true)
        #expect(top.watch.prediction == nil && top.watch.model == "other")
        top.update(with: healthy)
        #expect(top.watch.trouble == nil)
    }

    @Test func `A daemon that does not answer is shown as such on every screen and in a pipe`() {
        let healthy = SourceRecord(source: "a", state: .healthy, name: "pulse:mic")
        let hang = "the daemon does not answer: it is busy or hangs"
        let screens: [any ScreenState] = [
            WatchState(hello: Self.hello, filter: WatchFilter()), TopState(hello: Self.hello, labels: nil),
            SeveralSources(hello: Self.hello, filter: WatchFilter()),
        ]
        for var screen in screens {
            screen.update(with: .source(healthy))
            screen.update(with: .source(SourceRecord(source: "b", state: .healthy, name: "pulse:two")))
            screen.update(with: .prediction(Self.prediction))
            screen.setHang(hang)
            #expect(screen.lines(Self.wide).contains(hang))
            screen.setHang(nil)
            #expect(!screen.lines(Self.wide).contains { $0.contains("answer") })
        }
        var notice = SourceNotice()
        #expect(notice.line(forHang: nil) == nil)
        #expect(notice.line(forHang: hang) == "astctl: \(hang)\n")
        #expect(notice.line(forHang: hang) == nil, "it is reported once")
        #expect(notice.line(forHang: nil) == "astctl: the daemon answers again\n")
    }

    @Test func `Silence and a closed gate are no reason to say that there are no problems`() {
        func note(levelDBFS: Double?, isGated: Bool) -> String? {
            let prediction = Prediction(
                seq: 1, unixNanos: 0, startSample: 0, endSample: 1, levelDBFS: levelDBFS, latencyMs: 1,
                adapter: nil, isGated: isGated, labels: [])
            return WatchScreen(state([.prediction(prediction)]), Self.wide).lines.last
        }
        #expect(note(levelDBFS: nil, isGated: false) == "nothing is heard: digital silence")
        #expect(
            note(levelDBFS: -70, isGated: true) == "the last window was below the gate and not classified")
        #expect(note(levelDBFS: -70, isGated: false) == "no problems; Ctrl-C to quit")
    }

    @Test func `A source that is well again is reported in a pipe, too`() {
        var notice = SourceNotice()
        #expect(notice.line(for: .source(SourceRecord(state: .healthy, name: "pulse"))) == nil)
        _ = notice.line(for: .source(SourceRecord(state: .lost, name: "pulse", message: "gone\u{1B}")))
        #expect(
            notice.line(for: .source(SourceRecord(state: .healthy, name: "pulse")))
                == "astctl: source pulse is healthy\n")
    }

    @Test func `The screen fits the terminal`() {
        var worst = state([.prediction(Self.prediction), .lost(Lost(count: 3))])
        worst.update(with: .source(SourceRecord(state: .lost, name: String(repeating: "long", count: 40))))
        for width in 1...200 {
            for height in 1...12 {
                let lines = WatchScreen(worst, ScreenFrame(width: width, height: height)).lines
                #expect(lines.allSatisfy { $0.count <= min(width, 80) }, "width \(width)")
                #expect(lines.count <= max(1, height - 1), "height \(height)")
            }
        }
    }

    @Test func `A small terminal shows the scores and the last line`() {
        let lines = WatchScreen(state([.prediction(Self.prediction)]), ScreenFrame(width: 40, height: 4))
            .lines
        #expect(lines.count == 3)
        #expect(lines.first?.hasPrefix("Speech ") == true)
        #expect(lines.last == "no problems; Ctrl-C to quit")
    }

    @Test func `The filter selects labels and their number`() {
        let filter = WatchFilter(topK: 1, minScore: 0.01, labels: ["Bark", "Speech"])
        let shown = state([.prediction(Self.prediction)], filter).prediction?.labels.map(\.label)
        #expect(shown == ["Speech"])
        let barks = WatchFilter(topK: nil, minScore: 0.02, labels: ["Bark"])
        #expect(state([.prediction(Self.prediction)], barks).prediction?.labels == [])
        #expect(WatchFilter.names("Dog, Siren") == ["Dog", "Siren"])
        #expect(WatchFilter.names("Siren, wailing,") == ["Siren, wailing"])
    }

    @Test func `Bars are coloured only on request`() {
        let state = state([.prediction(Self.prediction)])
        let plain = WatchScreen(state, Self.wide).lines.joined()
        #expect(!plain.unicodeScalars.contains("\u{1B}"))
        let bright = WatchScreen(state, Self.bright).lines
        #expect(bright[5] == "Bark                            0.012 \u{1B}[36m▌\u{1B}[0m")
    }

    @Test func `Bars have a resolution of an eighth of a column`() {
        #expect(Bar.text(0, width: 10) == "")
        #expect(Bar.text(.nan, width: 10) == "")
        #expect(Bar.text(0.0125, width: 10) == "▏")
        #expect(Bar.text(0.5, width: 3) == "█▌")
        #expect(Bar.text(7, width: 3) == "███")
    }
}
