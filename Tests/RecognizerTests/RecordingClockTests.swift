import Glibc
import SystemSupport
import TestSupport
import Testing

@testable import Recognizer

@Suite struct RecordingClockTests {
    private func text(_ path: String, zone: String = "+01:00") throws -> String? {
        try RecordingClock(zone: zone, start: nil).start(of: path)?.text(atSeconds: 0)
    }

    @Test(arguments: [
        ("20240501_053000.WAV", "2024-05-01T05:30:00.000+01:00"),
        ("/card/day 1/20240501_053000T.WAV", "2024-05-01T05:30:00.000+01:00"),
        ("SMM07612_20240501_053000.wav", "2024-05-01T05:30:00.000+01:00"),
        ("2MU00101_0+1_20240501_053000.wav", "2024-05-01T05:30:00.000+01:00"),
        ("20240501T053000+0200_garden.wav", "2024-05-01T05:30:00.000+02:00"),
        ("20240501T053000-03:30.wav", "2024-05-01T05:30:00.000-03:30"),
        ("20240501T033000Z.flac", "2024-05-01T03:30:00.000Z"),
        ("20240501T053000.125+0530.wav", "2024-05-01T05:30:00.125+05:30"),
        ("20240501_033000.5Z.wav", "2024-05-01T03:30:00.500Z"),
        ("20240501_053000.250.wav", "2024-05-01T05:30:00.250+01:00"),
        ("20240501_053000.1.wav", "2024-05-01T05:30:00.000+01:00"),
        ("20240501_053000.3gp", "2024-05-01T05:30:00.000+01:00"),
        ("240501-053000.WAV", "2024-05-01T05:30:00.000+01:00"),
        ("240501_053000_Tr1.WAV", "2024-05-01T05:30:00.000+01:00"),
        ("2024-05-01_05-30-00.wav", "2024-05-01T05:30:00.000+01:00"),
        ("rec 2024-05-01 05.30.00.m4a", "2024-05-01T05:30:00.000+01:00"),
        ("cam_20240501053000.mkv", "2024-05-01T05:30:00.000+01:00"),
        ("20240229_235959.wav", "2024-02-29T23:59:59.000+01:00"),
        ("5E3C4F10.WAV", "2020-02-06T17:38:24.000Z"),
    ])
    func `A recorder's name holds the time`(path: String, expected: String) throws {
        #expect(try text(path) == expected)
    }

    @Test(arguments: [
        "siren.wav", "20240501.wav", "20240501_0530.wav", "20230229_053000.wav", "20241301_053000.wav",
        "20240501_253000.wav", "20240501_0530001.wav", "120240501_053000.wav", "ZOOM0001.WAV",
        "123456_654321.wav", "5e3c4f10.wav", "20240501.WAV", "", "/", "4820240501_053000",
    ])
    func `A name without a date and a time has no time`(path: String) {
        #expect(RecorderName.time(in: path) == nil)
    }

    @Test func `Times in a recording follow its start, and the zone's summer time`() throws {
        setenv("TZ", "UTC", 1)
        defer { _ = TimeZoneRule(selecting: "Etc/UTC") }
        // Summer time begins on 2024-03-31 at 02:00.
        let start = try #require(
            try RecordingClock(zone: "Europe/Berlin", start: nil).start(of: "20240331_013000.wav"))
        #expect(start.text(atSeconds: 0) == "2024-03-31T01:30:00.000+01:00")
        #expect(start.text(atSeconds: 1800.25) == "2024-03-31T03:00:00.250+02:00")
    }

    @Test func `A zone is a name, an offset, UTC or local`() {
        #expect(TimeZoneRule(selecting: "+02:00") == .offset(7200))
        #expect(TimeZoneRule(selecting: "-0330") == .offset(-12_600))
        #expect(TimeZoneRule(selecting: "UTC") == .offset(0))
        #expect(TimeZoneRule(selecting: "local") == .local)
        for name in ["", "Nowhere/City", "../../etc/passwd", "/etc/localtime", "+2x", "+25:00"] {
            #expect(TimeZoneRule(selecting: name) == nil, "\(name)")
        }
    }

    @Test func `The named start comes before the metadata and the name`() throws {
        let clock = try RecordingClock(zone: "UTC", start: "2023-01-02T03:04:05.5+05:30")
        #expect(
            clock.start(of: "20240501_053000.wav")?.text(atSeconds: 0.25) == "2023-01-02T03:04:05.750+05:30")
        #expect(throws: RecordingClock.Refusal.badStart) {
            try RecordingClock(zone: "local", start: "yesterday")
        }
        #expect(throws: RecordingClock.Refusal.unknownZone) { try RecordingClock(zone: "x", start: nil) }
    }

    @Test func `A WAV file's GUANO and broadcast chunks hold the time`() throws {
        let folder = try TestFolder()
        func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
            let size = (0..<4).map { UInt8(truncatingIfNeeded: content.count >> ($0 * 8)) }
            return Array(name.utf8) + size + content + [UInt8](repeating: 0, count: content.count % 2)
        }
        func file(_ chunks: [UInt8]) throws -> String {
            let wav =
                Array("RIFF\0\0\0\0WAVE".utf8) + chunk("fmt ", [UInt8](repeating: 0, count: 16)) + chunks
            let path = folder.file("20200101_000000.wav")
            try folder.write(wav, to: "20200101_000000.wav")
            return path
        }
        var bext = [UInt8](repeating: 0, count: 602)
        bext.replaceSubrange(320..<338, with: "2024-05-0105:30:00".utf8)
        let guano = "GUANO|Version: 1.0\nMake: X\nTimestamp: 2024-05-01T05:30:00.25+02:00 \n"
        let data = chunk("data", [1, 2, 3])
        #expect(try text(file(chunk("bext", bext) + data)) == "2024-05-01T05:30:00.000+01:00")
        #expect(
            try text(file(chunk("bext", bext) + data + chunk("guan", Array(guano.utf8))))
                == "2024-05-01T05:30:00.250+02:00")
        func list(_ comment: String) -> [UInt8] {
            chunk(
                "LIST",
                Array("INFO".utf8) + chunk("IART", Array("AudioMoth 1".utf8))
                    + chunk("ICMT", Array("\(comment)\0\0".utf8)))
        }
        let by = "by AudioMoth 24E144085F1E5B7A at medium gain while battery was 4.6V."
        for (comment, expected) in [
            ("Recorded at 19:17:30 10/12/2018 (UTC) \(by)", "2018-12-10T19:17:30.000Z"),
            ("Recorded at 05:30:00 01/05/2024 (UTC-5) \(by)", "2024-05-01T05:30:00.000-05:00"),
            ("Recorded at 05:30:00.250 01/05/2024 (UTC+5:30) \(by)", "2024-05-01T05:30:00.250+05:30"),
            ("Recorded yesterday", "2020-01-01T00:00:00.000+01:00"),
            ("Recorded at 05:30:00 31/02/2024 (UTC) \(by)", "2020-01-01T00:00:00.000+01:00"),
        ] {
            #expect(try text(file(list(comment) + data)) == expected)
        }
        func field(_ identifier: UInt8, _ value: String) -> [UInt8] {
            [identifier, 0, UInt8(value.utf8.count), 0, 0, 0] + Array(value.utf8)
        }
        let wamd = field(0, "\u{1}") + field(1, "SM4BAT") + field(5, "2024-05-01 05:30:00-03:00")
        #expect(try text(file(chunk("wamd", wamd) + data)) == "2024-05-01T05:30:00.000-03:00")
        #expect(
            try text(file(chunk("wamd", Array(wamd.dropLast(30))) + data)) == "2020-01-01T00:00:00.000+01:00")
        // Damaged metadata: the name decides.
        for chunks in [
            chunk("guan", Array("GUANO|Version: 1.0\nTimestamp: soon".utf8)), chunk("bext", [1, 2]),
            Array("bext\u{ff}\u{ff}\u{ff}\u{7f}".utf8), chunk("bext", [UInt8](repeating: 0, count: 602)),
        ] {
            #expect(try text(file(chunks + data)) == "2020-01-01T00:00:00.000+01:00")
        }
    }
}
