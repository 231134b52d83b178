import Glibc
import SystemSupport
import TestSupport
import Testing
import Wire

@testable import Daemon
@testable import Systemd

@Suite struct EventJournalTests {
    private func event(_ state: EventRecord.State, label: String = "Siren") -> EventRecord {
        EventRecord(
            source: "garden", state: state, id: "5f0c9a3be2174c11-3", seq: 42, label: label,
            unixNanos: 1_769_904_000_250_000_000, startSample: 16_000, endSample: 216_000, peakScore: 0.75,
            duration: state == .begin ? 0 : 12.5)
    }

    @Test func `An event is one entry of the journal, with its values as fields`() throws {
        let folder = try TestFolder()
        let path = folder.file("journal")
        let receiver = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        defer { close(receiver) }
        let address = try #require(UnixAddress(path: path))
        #expect(address.bind(receiver) == 0)
        let journal = EventJournal(journal: try #require(Journal(path: path)))
        let hub = EventHub(journal: journal)
        hub.publish(.event(event(.begin)))
        hub.publish(.event(event(.end)))
        func next() -> [Substring] {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(receiver, &buffer, buffer.count, 0)
            return String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n")
        }
        #expect(
            next() == [
                "MESSAGE=Siren begins (garden), score 0.75", "PRIORITY=6", "SYSLOG_IDENTIFIER=astd",
                "ASTD_EVENT=begin", "ASTD_EVENT_ID=5f0c9a3be2174c11-3", "ASTD_LABEL=Siren",
                "ASTD_TIME=2026-02-01T00:00:00.250Z", "ASTD_SCORE=0.75", "ASTD_DURATION=0.000",
                "ASTD_SOURCE=garden",
            ])
        let end = next()
        #expect(end.first == "MESSAGE=Siren ends (garden) after 12.500 s, peak 0.75")
        #expect(end.contains("ASTD_EVENT=end") && end.contains("ASTD_DURATION=12.500"))
        #expect(next() == [])
    }

    @Test func `A value of several lines cannot add a field`() {
        let bytes = Journal.encoded([("ASTD_LABEL", "a\nASTD_EVENT=end"), ("PRIORITY", "6")])
        let length: [UInt8] = [16, 0, 0, 0, 0, 0, 0, 0]
        #expect(
            bytes == Array("ASTD_LABEL\n".utf8) + length + Array("a\nASTD_EVENT=end\nPRIORITY=6\n".utf8))
    }

    @Test func `A journal that does not exist delays nothing`() throws {
        let journal = try #require(Journal(path: "/nonexistent/socket"))
        EventJournal(journal: journal).write(event(.begin))
        #expect(Journal(path: "/" + String(repeating: "x", count: 200)) == nil)
    }
}
