import SystemSupport
import Testing
import TextSupport
import Wire

@Suite struct RecordTests {
    static let nanos: Int64 = 1_767_225_598_250_000_000
    static let run = RunID("5f0c9a3be2174c11")

    /// Every kind of record and its exact line.
    static let pinned: [(LiveRecord, String)] = [
        (
            .hello(Hello(run: run, model: "ast", adapters: [nil], labels: 527, window: 10.24, hop: 1)),
            #"{"type":"hello","protocol":1,"version":"0.1.0","run":"5f0c9a3be2174c11","model":"ast","adapter":null,"adapters":["base"],"labels":527,"window":10.24,"hop":1.0}"#
        ),
        (
            .hello(
                Hello(
                    run: run, model: "ast", adapters: [nil], labels: 1, window: 1, hop: 1, sources: ["a"],
                    paused: "quiet hours until 06:00")),
            #"{"type":"hello","protocol":1,"version":"0.1.0","run":"5f0c9a3be2174c11","model":"ast","adapter":null,"adapters":["base"],"labels":1,"window":1.0,"hop":1.0,"sources":["a"],"paused":"quiet hours until 06:00"}"#
        ),
        (
            .prediction(
                Prediction(
                    seq: 18_446_744_073_709_551_615, unixNanos: nanos, startSample: 0, endSample: 164_080,
                    levelDBFS: -23.46, latencyMs: 812.349, adapter: "birds",
                    labels: [
                        ScoredLabel(index: 0, label: "Speech", score: 0.9312),
                        ScoredLabel(index: 74, label: "Dog \"bark\"", score: 1e-7),
                    ])),
            #"{"type":"prediction","seq":18446744073709551615,"time":"2025-12-31T23:59:58.250Z","start_sample":0,"end_sample":164080,"level_dbfs":-23.5,"latency_ms":812.3,"adapter":"birds","labels":[{"index":0,"label":"Speech","score":0.9312},{"index":74,"label":"Dog \"bark\"","score":1e-07}]}"#
        ),
        (
            .event(
                EventRecord(
                    state: .begin, id: run.eventID(3), seq: 42, label: "Siren", unixNanos: nanos,
                    startSample: 820_080, endSample: 820_080,
                    onset: EventOnset(
                        unixNanos: nanos - 750_000_000, sample: 808_080, uncertaintySeconds: 0.7),
                    hits: 2, windows: 3, peakScore: 0.5, duration: 0)),
            #"{"type":"event","state":"begin","id":"5f0c9a3be2174c11-3","seq":42,"label":"Siren","time":"2025-12-31T23:59:58.250Z","start_sample":820080,"end_sample":820080,"onset":"2025-12-31T23:59:57.500Z","onset_sample":808080,"onset_uncertainty":0.7,"hits":2,"windows":3,"peak_score":0.5,"duration":0.0}"#
        ),
        (
            .event(
                EventRecord(
                    state: .end, id: run.eventID(3), seq: 45, label: "Bell", adapter: "alarms",
                    unixNanos: nanos, startSample: 820_080, endSample: 860_080, peakScore: 0.75,
                    duration: 2.5)),
            #"{"type":"event","state":"end","id":"5f0c9a3be2174c11-3","seq":45,"label":"Bell","adapter":"alarms","time":"2025-12-31T23:59:58.250Z","start_sample":820080,"end_sample":860080,"peak_score":0.75,"duration":2.5}"#
        ),
        (
            .ongoing(
                OngoingRecord(
                    source: "garden", id: run.eventID(3), seq: 45, label: "Bell", adapter: "alarms",
                    unixNanos: nanos, startSample: 820_080, endSample: 860_080, hits: 3, windows: 4,
                    peakScore: 0.75, duration: 2.5)),
            #"{"type":"ongoing","source":"garden","id":"5f0c9a3be2174c11-3","seq":45,"label":"Bell","adapter":"alarms","time":"2025-12-31T23:59:58.250Z","start_sample":820080,"end_sample":860080,"hits":3,"windows":4,"peak_score":0.75,"duration":2.5}"#
        ),
        (
            .gap(Gap(startSample: 16_000, endSample: 16_480, reason: .sourceLost)),
            #"{"type":"gap","start_sample":16000,"end_sample":16480,"reason":"source_lost"}"#
        ),
        (
            .source(SourceRecord(state: .lost, name: "pulse:Mic", message: "the server went away")),
            #"{"type":"source","state":"lost","name":"pulse:Mic","message":"the server went away"}"#
        ),
        (
            .source(SourceRecord(state: .healthy, name: "stdin")),
            #"{"type":"source","state":"healthy","name":"stdin"}"#
        ),
        (
            .level(
                LevelRecord(
                    source: "garden", state: .end, unixNanos: nanos, startSample: 32_000, endSample: 56_000,
                    levelDBFS: -12.44, duration: 1.5)),
            #"{"type":"level","source":"garden","state":"end","time":"2025-12-31T23:59:58.250Z","start_sample":32000,"end_sample":56000,"level_dbfs":-12.4,"duration":1.5}"#
        ),
        (
            .spectrum(
                SpectrumRecord(unixNanos: nanos, startSample: 1600, endSample: 3200, levels: [-62, -3, 0])),
            #"{"type":"spectrum","time":"2025-12-31T23:59:58.250Z","start_sample":1600,"end_sample":3200,"levels":[-62,-3,0]}"#
        ),
        (
            .hop(HopRecord(unixNanos: nanos, hopSeconds: 1.6, previousSeconds: 0.5, passMs: 1115.04)),
            #"{"type":"hop","time":"2025-12-31T23:59:58.250Z","hop":1.6,"previous":0.5,"pass_ms":1115.0}"#
        ),
        (
            .adapter(AdapterRecord(adapters: [nil])),
            #"{"type":"adapter","active":null,"adapters":["base"]}"#
        ),
        (
            .adapter(AdapterRecord(adapters: ["a", nil])),
            #"{"type":"adapter","active":"a","adapters":["a","base"]}"#
        ),
        (.lost(Lost(count: 12)), #"{"type":"lost","count":12}"#),
    ]

    @Test(arguments: pinned.indices)
    func `Each record is written exactly so, one a line`(_ index: Int) {
        let (record, expected) = Self.pinned[index]
        #expect(String(decoding: record.encoded(), as: UTF8.self) == expected + "\n")
    }

    @Test(arguments: pinned.indices)
    func `Each record is read as it was written`(_ index: Int) throws {
        let (record, line) = Self.pinned[index]
        let read = try LiveRecord(line: Array(line.utf8))
        #expect(read.encoded() == record.encoded())
        #expect(read.kind == record.kind)
    }

    @Test func `A prediction without finite numbers is valid JSON`() throws {
        let record = LiveRecord.prediction(
            Prediction(
                seq: 1, unixNanos: 0, startSample: 0, endSample: 1, levelDBFS: -.infinity, latencyMs: 0,
                adapter: nil, labels: [ScoredLabel(index: 0, label: "a", score: .nan)]))
        let line = String(decoding: record.encoded(), as: UTF8.self)
        #expect(line.contains(#""level_dbfs":null"#))
        #expect(line.contains(#""score":null"#))
        guard case .prediction(let read) = try LiveRecord(line: Array(line.utf8)) else {
            Issue.record("not a prediction")
            return
        }
        #expect(read.levelDBFS == nil)
        #expect(read.labels[0].score.isNaN)
    }

    @Test func `Batch records are written with their members in order`() {
        let labels = [ScoredLabel(index: 0, label: "Speech", score: 0.9312)]
        let record = BatchRecord(file: "a.wav", start: 0, end: 10.24, labels: labels)
        #expect(
            String(decoding: record.encoded(), as: UTF8.self)
                == #"{"file":"a.wav","start":0.0,"end":10.24,"labels":[{"index":0,"label":"Speech","score":0.9312}]}"#
                + "\n")
        let error = BatchError(file: "b\n.wav", code: "unreadable", message: "no header")
        #expect(
            String(decoding: error.encoded(), as: UTF8.self)
                == #"{"file":"b\n.wav","error":{"code":"unreadable","message":"no header"}}"# + "\n")
    }

    @Test func `A path that is not UTF-8 is written so that its bytes can be restored`() throws {
        let name: [UInt8] = [0x61, 0xFF, 0x62]
        let line = BatchError(file: PathText.text(name), code: "c", message: "m").encoded()
        #expect(String(decoding: line, as: UTF8.self).hasPrefix(#"{"file":"a\\xFFb","#))
        let file = try JSONObject(parsing: line.dropLast()).requiredString("file")
        #expect(PathText.bytes(file) == name)
    }

    @Test func `Errors name the missing or invalid member of a record`() {
        func error(_ text: String) -> JSONError? {
            do {
                _ = try LiveRecord(line: Array(text.utf8))
                return nil
            } catch {
                return error
            }
        }
        #expect(error(#"{"type":"lost"}"#) == .missing(field: "count"))
        #expect(error(#"{"count":1}"#) == .missing(field: "type"))
        #expect(error(#"{"type":"weather"}"#) == .unknownValue(field: "type", value: "weather"))
        #expect(error(#"{"type":"adapter","active":3}"#) == .wrongType(field: "active", expected: "a string"))
        #expect(error("[]") == .wrongType(field: "the line", expected: "a JSON object"))
        let gap = error(#"{"type":"gap","start_sample":0,"end_sample":1,"reason":"bored"}"#)
        #expect(
            gap
                == .wrongType(
                    field: "reason", expected: "one of `overrun`, `source_lost`, `skipped`, `paused`"))
    }

    @Test func `Unknown members are ignored`() throws {
        let line = #"{"type":"lost","count":2,"since":"yesterday"}"#
        #expect(try LiveRecord(line: Array(line.utf8)) == .lost(Lost(count: 2)))
    }
}
