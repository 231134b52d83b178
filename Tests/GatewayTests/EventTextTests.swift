import SystemSupport
import Testing
import TextSupport
import Wire

@testable import Gateway
@testable import astd_gateway

@Suite struct EventTextTests {
    private var event: HistoryEvent {
        HistoryEvent(
            daemon: "kitchen", source: nil, id: "5f-17", label: "Siren, \"wail\"", adapter: nil,
            begin: Fixture.time(1),
            end: Fixture.time(3.5), peakScore: 0.75, clip: nil, review: .other("Dog"), isInterrupted: true)
    }

    @Test func `An event is a JSON object with fixed members`() {
        #expect(
            String(decoding: event.encoded(), as: UTF8.self)
                == #"{"daemon":"kitchen","id":"5f-17","label":"Siren, \"wail\"","adapter":null,"#
                + #""begin":"2026-01-31T00:00:01.000Z","end":"2026-01-31T00:00:03.500Z","duration":2.5,"#
                + #""peak_score":0.75,"clip":null,"review":"other","review_label":"Dog","interrupted":true}"#
                + "\n")
    }

    @Test func `An event is a line for people, and one for spreadsheets`() {
        #expect(
            EventText.line(event, zone: .offset(3600))
                == "2026-01-31 01:00:01  kitchen       Siren, \"wail\"                 2.5 s  0.750  5f-17  interrupted  is Dog"
        )
        #expect(
            EventText.csv(event)
                == "kitchen,,5f-17,\"Siren, \"\"wail\"\"\",,2026-01-31T00:00:01.000Z,2026-01-31T00:00:03.500Z,"
                + "2.500,0.75,,other,Dog,true")
        var open = event
        open.end = nil
        open.label = "a\u{1B}[2J"
        let line = EventText.line(open, zone: .offset(0))
        #expect(line.contains("now") && !line.contains("\u{1B}"))
    }

    @Test(arguments: [
        ("90s", "2026-01-30T23:58:30.000Z"), ("2h", "2026-01-30T22:00:00.000Z"),
        ("1.5d", "2026-01-29T12:00:00.000Z"), ("2026-01-30", "2026-01-29T23:00:00.000Z"),
        ("2026-01-30 12:30", "2026-01-30T11:30:00.000Z"),
        ("2026-01-30T12:30:05Z", "2026-01-30T12:30:05.000Z"),
    ])
    func `Times are spans before now, dates, and dates with times`(text: String, expected: String) {
        let time = TimeArgument(text, now: Fixture.time(0), zone: .offset(3600))
        #expect(time?.time.description == expected)
    }

    @Test(arguments: ["", "h", "-2h", "yesterday", "2026-13-01", "2026-01-30 12", "1e300d"])
    func `Other texts are not times`(text: String) {
        #expect(TimeArgument(text, now: Fixture.time(0), zone: .offset(0)) == nil)
    }
}
