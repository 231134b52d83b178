import TextSupport
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import Wire

@testable import Batch

@Suite struct RecordFormatTests {
    private static let record = BatchRecord(
        file: "dir/a \"b\".wav", start: 0.96, end: 1.3,
        labels: [
            ScoredLabel(index: 4, label: "Käuzchen", score: 0.75),
            ScoredLabel(index: 0, label: "Male speech, man speaking", score: 0.0625),
        ])
    private static var failed: FileSummary {
        var summary = FileSummary(path: "b.wav")
        summary.error = BatchError(file: "b.wav", code: "empty", message: "b.wav is empty (0 bytes)")
        return summary
    }

    /// A complete file with a recording that has these records, and one that failed.
    private static func written(
        _ format: RecordFormat, _ records: [BatchRecord] = [record], rateHz: Int = 44_100
    ) -> String {
        var formatter = format.formatter(of: .windows)
        var summary = FileSummary(path: record.file)
        summary.sampleRateHz = rateHz
        var bytes = formatter.head
        for record in records { bytes += formatter.lines(record, of: summary) }
        bytes += formatter.end(of: summary) + formatter.end(of: failed) + formatter.tail(SkippedFiles())
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same with two events: a long one, and one of a single window.
    private static func writtenEvents(_ format: RecordFormat) -> String {
        var formatter = format.formatter(of: .events)
        var summary = FileSummary(path: "a,b.wav")
        summary.sampleRateHz = 44_100
        let long = BatchEvent(
            file: "a,b.wav", start: 10.255, end: 12.505, onset: 9.505, onsetUncertainty: 0.7, hits: 2,
            windows: 3, index: 7,
            label: "Male speech, man speaking", peakScore: 0.75)
        var short = BatchEvent(
            file: "a,b.wav", start: 11.255, end: 11.255, onset: 10.505, onsetUncertainty: 0.7, hits: 1,
            windows: 1, adapter: "birds", index: 2, label: "tab\there", peakScore: 0.1)
        short.onsetTime = "2024-05-01T05:30:10.505+02:00"
        var bytes = formatter.head
        for event in [long, short] { bytes += formatter.lines(event, of: summary) }
        bytes += formatter.end(of: summary) + formatter.end(of: failed) + formatter.tail(SkippedFiles())
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `Events have begin, end, duration, onset and peak score in every format`() {
        #expect(
            Self.writtenEvents(.jsonl) == #"""
                {"file":"a,b.wav","start":10.255,"end":12.505,"duration":2.25,"onset":9.505,"onset_uncertainty":0.7,"index":7,\#
                "label":"Male speech, man speaking","hits":2,"windows":3,"peak_score":0.75}
                {"file":"a,b.wav","start":11.255,"end":11.255,"duration":0.0,"onset":10.505,"onset_uncertainty":0.7,\#
                "onset_time":"2024-05-01T05:30:10.505+02:00","adapter":"birds","index":2,\#
                "label":"tab\there","hits":1,"windows":1,"peak_score":0.1}
                {"file":"b.wav","error":{"code":"empty","message":"b.wav is empty (0 bytes)"}}

                """#)
        #expect(
            Self.writtenEvents(.csv).components(separatedBy: "\r\n") == [
                "file,start,end,duration,start_time,end_time,onset,onset_uncertainty,onset_time,adapter,channel,"
                    + "index,label,hits,windows,peak_score,error,message",
                #""a,b.wav",10.255,12.505,2.25,,,9.505,0.7,,,,7,"Male speech, man speaking",2,3,0.75,,"#,
                "\"a,b.wav\",11.255,11.255,0.0,,,10.505,0.7,2024-05-01T05:30:10.505+02:00,birds,,2,tab\there,1,1,0.1,,",
                "b.wav,,,,,,,,,,,,,,,,empty,b.wav is empty (0 bytes)", "",
            ])
        #expect(
            Self.writtenEvents(.text) == """
                a,b.wav  10.255s - 12.505s  Male speech, man speaking 0.750, 2.250s
                a,b.wav  11.255s - 11.255s  [birds]  tab\\x09here 0.100, 0.000s

                """)
        #expect(
            Self.writtenEvents(.audacity) == """
                10.255000\t12.505000\tMale speech, man speaking 0.750
                11.255000\t11.255000\ttab here 0.100 [birds]

                """, "an event of a single window is a point label")
        #expect(
            Self.writtenEvents(.raven) == """
                Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t\
                High Freq (Hz)\tBegin Path\tLabel\tPeak Score\tAdapter\tBegin Date Time\t\
                Onset Time (s)\tOnset Uncertainty (s)
                1\tSpectrogram 1\t1\t10.255000\t12.505000\t0.0\t8000.0\ta,b.wav\t\
                Male speech, man speaking\t0.750000\t\t\t9.505000\t0.700000
                2\tSpectrogram 1\t1\t11.245000\t11.255000\t0.0\t8000.0\ta,b.wav\ttab here\t0.100000\tbirds\t\t\
                10.505000\t0.700000

                """)
    }

    @Test func `A JSON record has its members in a fixed order`() {
        let wanted = #"""
            {"file":"dir/a \"b\".wav","start":0.96,"end":1.3,"labels":[\#
            {"index":4,"label":"Käuzchen","score":0.75},\#
            {"index":0,"label":"Male speech, man speaking","score":0.0625}]}
            {"file":"b.wav","error":{"code":"empty","message":"b.wav is empty (0 bytes)"}}

            """#
        #expect(Self.written(.jsonl) == wanted)
    }

    @Test func `The record of a whole file names the aggregation`() {
        let whole = BatchRecord(file: "a", start: 0, end: 20, aggregate: "mean", labels: [])
        #expect(
            String(decoding: whole.encoded(), as: UTF8.self)
                == #"{"file":"a","start":0.0,"end":20.0,"aggregate":"mean","labels":[]}"# + "\n")
    }

    @Test func `A line of text has the file, the span and the labels, and no errors`() {
        let empty = BatchRecord(file: "c.wav", start: 0, end: 10.24, labels: [])
        #expect(
            Self.written(.text, [Self.record, empty]) == """
                dir/a "b".wav  0.96s - 1.30s  Käuzchen 0.750  Male speech, man speaking 0.062
                c.wav  0.00s - 10.24s  \n
                """)
    }

    @Test func `A CSV table has a line per label and quotes special characters`() {
        let lines = Self.written(.csv).components(separatedBy: "\r\n")
        #expect(
            lines == [
                "file,start,end,start_time,end_time,adapter,aggregate,channel,index,label,score,error,message",
                #""dir/a ""b"".wav",0.96,1.3,,,,,,4,Käuzchen,0.75,,"#,
                #""dir/a ""b"".wav",0.96,1.3,,,,,,0,"Male speech, man speaking",0.0625,,"#,
                "b.wav,,,,,,,,,,,empty,b.wav is empty (0 bytes)", "",
            ])
    }

    @Test func `Python's csv reads labels with commas, quotes and line breaks unchanged`() throws {
        try #require(access("/usr/bin/python3", X_OK) == 0, "python3 is missing: make setup")
        let labels = [
            "plain", "a, b", "say \"hi\"", "two\nlines", "carriage\r\nreturn", " spaces ", "\"", ",", "",
            "日本, \"語\"",
            "alone\r", "tab\tand;semicolon",
        ]
        let record = BatchRecord(
            file: "odd,\nname.wav", start: 1.5, end: 2,
            labels: labels.enumerated().map { ScoredLabel(index: $0, label: $1, score: 0.1) })
        let folder = try TestFolder()
        try folder.write(Self.written(.csv, [record]), to: "labels.csv")
        let script = """
            import csv, json, sys
            rows = list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))
            json.dump([[r['file'], r['label'], r['score'], r['error']] for r in rows], open(sys.argv[2], 'w'))
            """
        try folder.write(script, to: "read.py")
        let command =
            "/usr/bin/python3 \(folder.file("read.py")) \(folder.file("labels.csv")) \(folder.file("read"))"
        #expect(system(command) == 0)
        let rows = try JSONDecoder().decode(
            [[String]].self, from: Data(TestFolder.bytes(of: folder.file("read"))))
        #expect(rows.dropLast() == labels.map { ["odd,\nname.wav", $0, "0.1", ""] }[...])
        #expect(rows.last == ["b.wav", "", "", "empty"])
    }

    @Test func `A label track has start, end and text, separated by tabs`() {
        let odd = BatchRecord(
            file: "a", start: 0, end: 0.5, adapter: "birds",
            labels: [ScoredLabel(index: 0, label: "tab\there\nand there", score: 1)])
        #expect(
            Self.written(.audacity, [Self.record, odd]) == """
                0.960000\t1.300000\tKäuzchen 0.750
                0.960000\t1.300000\tMale speech, man speaking 0.062
                0.000000\t0.500000\ttab here and there 1.000 [birds]

                """)
    }

    @Test
    func `A selection table has Raven's columns, numbered selections and the recording's highest frequency`()
    {
        let lines = Self.written(.raven, [Self.record, Self.record]).split(separator: "\n")
        let fields = lines.map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        #expect(
            fields[0].prefix(7) == [
                "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
                "High Freq (Hz)",
            ])
        #expect(fields.count == 5)
        #expect(fields.allSatisfy { $0.count == fields[0].count })
        #expect(fields.dropFirst().map { $0[0] } == ["1", "2", "3", "4"])
        #expect(
            fields[1] == [
                "1", "Spectrogram 1", "1", "0.960000", "1.300000", "0.0", "8000.0", "dir/a \"b\".wav",
                "Käuzchen",
                "0.750000", "", "",
            ])
        #expect(Self.written(.raven, rateHz: 8000).contains("\t0.0\t4000.0\t"))
    }

    @Test func `A combined selection table counts from the beginning of the first recording`() {
        var first = FileSummary(path: "a.wav")
        (first.seconds, first.sampleRateHz) = (12.5, 16_000)
        let second = FileSummary(path: "b.wav")
        let label = [ScoredLabel(index: 0, label: "x", score: 1)]
        var record = BatchRecord(file: "b.wav", start: 5, end: 10, labels: label)
        record.startTime = "2024-05-01T05:30:05.000Z"
        func rows(_ formatter: RavenFormatter) -> [[String]] {
            var formatter = formatter
            let text = formatter.head + formatter.lines(record, of: second)
            return String(decoding: text, as: UTF8.self).split(separator: "\n").map {
                $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            }
        }
        var formatter = RavenFormatter(.windows, isCombined: true)
        _ = formatter.lines(BatchRecord(file: "a.wav", start: 0, end: 5, labels: label), of: first)
        _ = formatter.end(of: first)
        let table = rows(formatter)
        let row = Dictionary(uniqueKeysWithValues: zip(table[0], table[1]))
        #expect(row["Selection"] == "2" && row["Begin Path"] == "b.wav")
        #expect(row["Begin Time (s)"] == "17.500000" && row["End Time (s)"] == "22.500000")
        #expect(row["File Offset (s)"] == "5.000000")
        #expect(row["Begin Date Time"] == "2024-05-01T05:30:05.000Z")
        // A resumed run has the lines of the interrupted one, with their header.
        var resumed = RavenFormatter(.windows, isCombined: true)
        resumed.resume(lines: 2, audioSeconds: 12.5)
        #expect(rows(resumed) == table)
    }
}
