import FoundationEssentials
import Glibc
import SystemSupport
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Batch
@testable import Recognizer

@Suite struct ReportTests {
    @Test(arguments: [
        ("/x/report.html", "/x/rec/a b.wav", "rec/a%20b.wav"),
        ("/x/y/r.html", "/x/z/ä#?.wav", "../z/%C3%A4%23%3F.wav"),
        ("/r.html", "/a.wav", "a.wav"), ("/x/./y/../r.html", "/x/a.wav", "a.wav"),
        ("/a/b/r.html", "/c", "../../c"),
    ])
    func `The URL of a recording is relative to the page`(page: String, file: String, url: String) {
        #expect(RelativeURL.text(from: page, to: file) == url)
    }

    @Test func `Base64 agrees with RFC 4648 and Foundation`() {
        for (bytes, text) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64.text(Array(bytes.utf8)) == text)
        }
        let all = (0...255).map(UInt8.init)
        #expect(Base64.text(all) == Data(all).base64EncodedString())
    }

    @Test func `Each file is a line of JSON, and no name or label can end the element that contains it`()
        throws
    {
        let hostile = "</script><script>alert(1)</script>.wav"
        var formatter = ReportFormatter(
            path: "/x/report.html", ReportLabels([(nil, ["Speech", "<!--<script>"])]))
        var good = FileSummary(path: "/x/\(hostile)")
        good.seconds = 1.5
        good.start = RecordingStart(unixNanos: 1_714_534_200_000_000_000, zone: .offset(7200))
        var bad = FileSummary(path: "bad.wav")
        bad.error = BatchError(file: "bad.wav", code: "empty", message: "bad.wav is <empty>")
        var bytes = formatter.head
        for start in [0.0, 0.96] {
            let record = BatchRecord(
                file: good.path, start: start, end: start + 0.96,
                labels: [
                    ScoredLabel(index: 1, label: "x", score: 0.75),
                    ScoredLabel(index: 0, label: "y", score: 0.25),
                ])
            bytes += formatter.lines(record, of: good)
        }
        bytes += formatter.end(of: good) + formatter.end(of: bad) + formatter.tail(SkippedFiles())
        let page = String(decoding: bytes, as: UTF8.self)
        #expect(page.components(separatedBy: "<script").count == 5, "three with data, and the script")
        #expect(page.components(separatedBy: "</script>").count == 5)
        let data = try #require(
            page.components(separatedBy: "id=\"files\">\n").last?.components(separatedBy: "</script>").first)
        let lines = data.split(separator: "\n").map { Array($0.utf8) }
        try #require(lines.count == 2)
        let first = try JSONObject(parsing: lines[0])
        #expect(try first.requiredString("file") == good.path)
        #expect(try first.requiredString("start_time") == "2024-05-01T05:30:00.000+02:00")
        #expect(
            try first.requiredString("source") == "%3C/script%3E%3Cscript%3Ealert%281%29%3C/script%3E.wav")
        #expect(
            String(decoding: lines[0], as: UTF8.self).contains(
                "[0.0,0.96,0,1,0.7500,0,0.2500],[0.96,1.92,0,1,"))
        #expect(try JSONObject(parsing: lines[1]).requiredString("error") == "bad.wav is <empty>")
    }

    @Test func `The events of a file follow its windows, and not those of another file`() throws {
        var formatter = ReportFormatter(
            path: "/x/report.html", ReportLabels([("a", ["x"]), ("b", ["y", "z"])]), of: .events)
        var bytes = formatter.head
        for (path, hasEvent) in [("/x/1.wav", true), ("/x/2.wav", false)] {
            let file = FileSummary(path: path)
            let record = BatchRecord(file: path, start: 0, end: 0.96, adapter: "b", labels: [])
            bytes += formatter.lines(record, of: file)
            if hasEvent {
                let event = BatchEvent(
                    file: path, start: 0.975, end: 2.5, onset: 0.5, onsetUncertainty: 0.4, hits: 2,
                    windows: 2, adapter: "b",
                    index: 1, label: "z", peakScore: 0.5)
                #expect(formatter.lines(event, of: file).isEmpty)
            }
            bytes += formatter.end(of: file)
        }
        let page = String(decoding: bytes, as: UTF8.self)
        #expect(page.contains(#"{"events":true,"adapters":[{"#))
        let lines = page.components(separatedBy: "\n").filter { $0.contains(#""file":"#) }
        #expect(lines.map { $0.contains(#""events":[[0.975,2.5,1,1,0.5000]]"#) } == [true, false])
        #expect(lines.map { $0.contains("[0.0,0.96,1]") } == [true, true])
    }
}
