import Foundation
import TestSupport
import Testing
import Wire

@testable import Daemon

@Suite struct MetricsTests {
    private static let counters = SourceCounters(
        windows: 60, skippedWindows: 1, gatedWindows: 2, overrunSamples: 3, lostSamples: 4, pausedSamples: 5,
        invalidSamples: 11, clippedSamples: 12)

    static let status = StatusReport(
        state: .listening, run: RunID("5f0c9a3be2174c11"), pid: 1, uptimeSeconds: 61.25,
        model: ModelReport(
            path: "/m", name: "a \"model\"\\with\n", labels: 8, activation: "sigmoid",
            activationReason: "asked for",
            windowSeconds: 5.12, sampleRate: 16_000),
        adapters: ["birds", nil], precision: "int8", threads: 2,
        source: SourceReport(state: .healthy, name: "pulse"), events: [], hopSeconds: 0.5,
        counters: counters, lastWindowMs: 12.5, meanWindowMs: nil, clients: 6, lostRecords: 7,
        memory: MemoryReport(rssBytes: 400_000_000, anonymousBytes: 50_000_000))

    /// - Parameter names: Of the sources; all have the same values.
    private static func text(_ names: [String?] = [nil]) -> String {
        var latency = LatencyHistogram()
        for seconds in [0.01, 0.025, 0.3, 99] { latency.add(seconds: seconds) }
        let sources = names.map { name in
            SourceMetrics(
                name: name, state: .healthy, hopSeconds: 0.5, counters: counters, latency: latency, events: 8,
                reconnects: 9, omittedClips: 10,
                condition: StreamCondition(isMuted: true, isGated: true, overload: "windows are skipped"))
        }
        return MetricsText(status, sources).text
    }

    @Test func `The values of several sources are labelled with their names`() {
        let lines = Self.text(["garden", "kitchen"]).split(separator: "\n").map(String.init)
        #expect(lines.contains(#"astd_windows_total{source="garden"} 60"#))
        #expect(lines.contains(#"astd_windows_total{source="kitchen"} 60"#))
        #expect(lines.contains(#"astd_source_state{source="kitchen",state="healthy"} 1"#))
        #expect(lines.contains(#"astd_latency_seconds_bucket{source="garden",le="+Inf"} 4"#))
        #expect(lines.filter { $0.hasPrefix("# TYPE astd_windows_total ") }.count == 1)
        #expect(lines.contains("astd_memory_resident_bytes 400000000"), "of the daemon")
    }

    /// Checks the text format as Prometheus documents it: HELP and TYPE precede the samples of a family, no
    /// duplicates.
    @Test(arguments: [[nil], ["garden", "kitchen"]])
    func `Every line is valid in Prometheus' text format`(names: [String?]) throws {
        let text = Self.text(names)
        #expect(text.hasSuffix("\n"))
        let sample =
            #/([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (NaN|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)/#
        var types: [String: String] = [:]
        var helped: Set<String> = []
        var current = ""
        var seen: Set<Substring> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") {
                #expect(helped.insert(String(words[2])).inserted, "\(line)")
            } else if line.hasPrefix("# TYPE ") {
                current = String(words[2])
                #expect(helped.contains(current) && types[current] == nil && words.count == 4)
                #expect(["counter", "gauge", "histogram"].contains(words[3]))
                types[current] = String(words[3])
            } else {
                let match = try #require(line.wholeMatch(of: sample), "\(line)")
                let name = String(match.1)
                let isPart = ["_bucket", "_sum", "_count"].contains { name == current + $0 }
                #expect(types[current] == "histogram" ? isPart : name == current, "\(line)")
                #expect((types[current] == "counter") == name.hasSuffix("_total"), "\(line)")
                #expect(seen.insert(line.prefix { $0 != " " || false }).inserted, "\(line)")
            }
        }
        #expect(types.count >= 20)
    }

    @Test func `The metrics have the values of the status`() {
        let lines = Set(Self.text().split(separator: "\n"))
        for line in [
            "astd_windows_total 60", "astd_windows_skipped_total 1", "astd_windows_gated_total 2",
            "astd_overrun_samples_total 3", "astd_lost_samples_total 4", "astd_paused_samples_total 5",
            "astd_invalid_samples_total 11", "astd_clipped_samples_total 12",
            "astd_clients 6", "astd_lost_records_total 7", "astd_events_total 8",
            "astd_source_reconnects_total 9", "astd_clips_omitted_total 10", "astd_source_muted 1",
            "astd_source_healthy 1", "astd_source_gated 1", "astd_overloaded 1",
            "astd_source_state{state=\"healthy\"} 1", "astd_source_state{state=\"lost\"} 0",
            "astd_memory_anonymous_bytes 50000000", "astd_adapter_active{adapter=\"birds\"} 1",
            "astd_adapter_active{adapter=\"base\"} 1", "astd_forward_pass_seconds 0.0125",
            "astd_latency_seconds_bucket{le=\"0.025\"} 2", "astd_latency_seconds_bucket{le=\"0.25\"} 2",
            "astd_latency_seconds_bucket{le=\"0.5\"} 3", "astd_latency_seconds_bucket{le=\"10\"} 3",
            "astd_latency_seconds_bucket{le=\"+Inf\"} 4", "astd_latency_seconds_count 4",
            #"astd_info{version="\#(astdVersion)",model="a \"model\"\\with\n",precision="int8"} 1"#,
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
    }

    @Test func `The file is replaced atomically, and a failure is returned`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "astd-metrics-\(UInt32.random(in: 0...9_999_999))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/astd.prom"
        let file = FileReplacer(path: path)
        #expect(file.write("one\n") == nil)
        let reader = try #require(FileHandle(forReadingAtPath: path))
        #expect(file.write("two\n") == nil)
        // A reader that has the old file open reads it to its end.
        #expect(try reader.readToEnd() == Data("one\n".utf8))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "two\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["astd.prom"])
        let missing = FileReplacer(path: folder.path + "/none/astd.prom")
        #expect(missing.write("x")?.contains("No such file") == true)
    }

    @Test func `A file that another daemon writes is left alone until that daemon has ended`() throws {
        let folder = try TestFolder()
        let path = folder.file("astd.prom")
        // A file of an earlier daemon is replaced.
        try folder.write("old\n".utf8, to: "astd.prom")
        var first: FileReplacer? = FileReplacer(path: path)
        let second = FileReplacer(path: path)
        #expect(first?.write("one\n") == nil)
        #expect(second.write("two\n")?.contains("another process writes \(path)") == true)
        #expect(first?.write("three\n") == nil)
        #expect(try TestFolder.bytes(of: path) == Array("three\n".utf8))
        first = nil
        #expect(second.write("four\n") == nil)
        #expect(try TestFolder.bytes(of: path) == Array("four\n".utf8))
    }

    @Test func `Only lasting digital silence counts as a muted microphone`() {
        var detector = MuteDetector(limitSamples: 3_000)
        func isMuted(after count: Int, of value: Float) -> Bool {
            [Float](repeating: value, count: count).withUnsafeBufferPointer { detector.process($0) }
            return detector.isMuted
        }
        #expect(!isMuted(after: 1600, of: 0))
        #expect(isMuted(after: 1600, of: 0))
        #expect(!isMuted(after: 1600, of: 1e-6))
        #expect(isMuted(after: 16_000, of: 0))
        // The silence so far is judged by another limit at once, whether more of it comes or not.
        detector.limitSamples = 16_001
        #expect(!detector.isMuted)
        detector.limitSamples = 16_000
        #expect(detector.isMuted)
        detector.limitSamples = 0
        #expect(!detector.isMuted && !isMuted(after: 1_000_000, of: 0))
    }
}
