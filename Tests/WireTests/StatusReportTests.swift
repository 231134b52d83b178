import Testing
import TextSupport
import Wire

@Suite struct StatusReportTests {
    static let report = StatusReport(
        state: .listening, run: RunID("5f0c9a3be2174c11"), pid: 4242, uptimeSeconds: 61.25,
        model: ModelReport(
            path: "/m", name: "ast", labels: 527, activation: "sigmoid", activationReason: "asked for",
            windowSeconds: 10.24, sampleRate: 16_000),
        adapters: [nil], precision: "fp32", threads: 2,
        source: SourceReport(state: .healthy, name: "pulse:mic"),
        events: [
            ActiveEvent(
                id: "5f0c9a3be2174c11-3", label: "Siren", adapter: "birds",
                begin: Timestamp(unixNanos: RecordTests.nanos), startSample: 820_080, peakScore: 0.75)
        ],
        hopSeconds: 1,
        counters: SourceCounters(
            windows: 60, skippedWindows: 1, overrunSamples: 2, lostSamples: 3, invalidSamples: 6,
            clippedSamples: 7),
        lastWindowMs: 512.5, meanWindowMs: nil, clients: 4,
        lostRecords: 5,
        memory: MemoryReport(rssBytes: 400_000_000, anonymousBytes: 50_000_000))

    @Test func `A status report is written with its members in order`() {
        let line = String(decoding: JSONText(Self.report).bytes, as: UTF8.self)
        #expect(
            line
                == #"{"state":"listening","version":"0.1.0","run":"5f0c9a3be2174c11","pid":4242,"uptime_seconds":61.2,"model":{"path":"/m","name":"ast","labels":527,"activation":"sigmoid","activation_reason":"asked for","window_seconds":10.24,"sample_rate":16000},"adapter":null,"adapters":["base"],"precision":"fp32","threads":2,"source":{"state":"healthy","name":"pulse:mic"},"events":[{"id":"5f0c9a3be2174c11-3","label":"Siren","adapter":"birds","begin":"2025-12-31T23:59:58.250Z","start_sample":820080,"peak_score":0.75}],"hop_seconds":1.0,"windows":60,"skipped_windows":1,"gated_windows":0,"overrun_samples":2,"lost_samples":3,"paused_samples":0,"invalid_samples":6,"clipped_samples":7,"last_window_ms":512.5,"mean_window_ms":null,"clients":4,"lost_records":5,"memory":{"rss_bytes":400000000,"anonymous_bytes":50000000}}"#
        )
    }

    @Test func `A status report is read as it was written`() throws {
        var expected = Self.report
        expected.uptimeSeconds = 61.2
        #expect(try StatusReport(JSONObject(parsing: JSONText(Self.report).bytes)) == expected)
    }

    @Test func `The comparison of int8 with fp32 is written where there was one`() throws {
        var report = Self.report
        report.uptimeSeconds = 61.2
        report.precisionCheck = "int8 differs"
        let line = JSONText(report).bytes
        #expect(
            String(decoding: line, as: UTF8.self)
                .contains(#""precision":"fp32","precision_check":"int8 differs","threads":2"#))
        #expect(try StatusReport(JSONObject(parsing: line)) == report)
    }

    @Test func `The message of the source is written if there is one, and read`() throws {
        var report = Self.report
        report.uptimeSeconds = 61
        report.source = SourceReport(state: .lost, name: "pulse:mic", message: "gone")
        let bytes = JSONText(report).bytes
        #expect(
            String(decoding: bytes, as: UTF8.self).contains(
                #""source":{"state":"lost","name":"pulse:mic","message":"gone"},"#))
        #expect(try StatusReport(JSONObject(parsing: bytes)) == report)
    }

    @Test func `A state that the protocol does not define is refused`() throws {
        let object = try JSONObject(parsing: Array(#"{"state":"running"}"#.utf8))
        let error = JSONError.wrongType(field: "state", expected: "one of `listening`, `waiting`, `paused`")
        #expect(throws: error) { try StatusReport(object) }
    }

    @Test func `The error for a missing member names it`() throws {
        let object = try JSONObject(parsing: Array(#"{"state":"listening"}"#.utf8))
        #expect(throws: JSONError.missing(field: "version")) { try StatusReport(object) }
    }

    @Test func `Lists of labels and sources are read as they were written`() throws {
        let labels = LabelList(labels: ["Speech", "Dog \"bark\""])
        #expect(try LabelList(JSONObject(parsing: JSONText(labels).bytes)) == labels)
        let sources = SourceList(sources: [
            .init(name: "pulse:a", description: "A mic", isActive: true),
            .init(name: "stdin", description: nil, isActive: false),
        ])
        #expect(try SourceList(JSONObject(parsing: JSONText(sources).bytes)) == sources)
        #expect(
            String(decoding: JSONText(sources).bytes, as: UTF8.self)
                == #"{"sources":[{"name":"pulse:a","description":"A mic","active":true},{"name":"stdin","description":null,"active":false}]}"#
        )
    }
}
