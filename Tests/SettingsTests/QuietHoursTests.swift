import TestSupport
import Testing

@testable import Settings

@Suite struct QuietHoursTests {
    /// The minutes of a week at which hours are quiet, as a model: every day's own minutes.
    private static func minutes(_ hours: QuietHours) -> Set<Int> {
        var minutes: Set<Int> = []
        for weekday in 0..<7 {
            for minute in 0..<1440 where hours.contain(weekday: weekday, minute: minute) {
                minutes.insert(weekday * 1440 + minute)
            }
        }
        return minutes
    }

    /// From a minute of the week to another, across its end.
    private static func span(_ from: Int, _ to: Int) -> Set<Int> {
        Set((0..<((to - from + 7 * 1440) % (7 * 1440))).map { (from + $0) % (7 * 1440) })
    }

    private static let day = 1440

    @Test func `Hours within a day, across midnight and of whole days are quiet to the minute`() throws {
        let week = 7 * Self.day
        let cases: [(String, Set<Int>)] = [
            ("Mon 08:00-17:00", Self.span(480, 1020)),
            // The weekday is that of the begin: the night from Sunday to Monday.
            ("Sun 22:00-06:00", Self.span(6 * Self.day + 1320, 360)),
            ("Sat,Sun 00:00-24:00", Self.span(5 * Self.day, week)),
            (
                "fri-mon 9:30-10:00",
                [4, 5, 6, 0].reduce(into: []) {
                    $0.formUnion(Self.span($1 * Self.day + 570, $1 * Self.day + 600))
                }
            ),
            (
                "22:00-24:00",
                (0..<7).reduce(into: []) {
                    $0.formUnion(Self.span($1 * Self.day + 1320, ($1 + 1) * Self.day % week))
                }
            ),
            (
                "23:59-00:01",
                (0..<7).reduce(into: []) {
                    $0.formUnion([$1 * Self.day + 1439, ($1 + 1) * Self.day % week])
                }
            ),
            ("00:00-24:00", Set(0..<week)),
        ]
        for (text, wanted) in cases {
            let hours = try #require(QuietHours(text), "\(text)")
            // A whole day's last minute belongs to it.
            let found = Self.minutes(hours)
            #expect(found.symmetricDifference(wanted).isEmpty, "\(text): \(found.count) of \(wanted.count)")
            #expect(hours.text == text && QuietHours.problem(in: text) == nil)
        }
    }

    @Test(arguments: [
        ("22", "'22' is not two times with a hyphen"), ("22-06", "'22' is not a time from 00:00 to 24:00"),
        ("22:00-6", "'6' is not a time from 00:00 to 24:00"), ("22:00-25:00", "'25:00' is not a time"),
        ("22:60-06:00", "'22:60' is not a time"), ("22:0-06:00", "'22:0' is not a time"),
        ("+1:00-06:00", "'+1:00' is not a time"), ("24:00-06:00", "a day begins at 00:00"),
        ("06:00-06:00", "'06:00-06:00' has no length; a whole day is 00:00-24:00"),
        ("Mo 10:00-12:00", "'Mo' is not a weekday (Mon, Tue, Wed, Thu, Fri, Sat, Sun)"),
        ("Mon- 10:00-12:00", "'' is not a weekday"),
        ("Mon-Wed-Fri 10:00-12:00", "'Mon-Wed-Fri' is not a weekday"),
        ("Mon, Tue 10:00-12:00", "it has 3 words"), ("", "it has 0 words"),
    ])
    func `A mistake is named, with what is accepted`(text: String, reason: String) {
        #expect(QuietHours(text) == nil)
        let problem = QuietHours.problem(in: text) ?? ""
        #expect(problem.hasPrefix(reason), "\(problem)")
        #expect(
            problem.hasSuffix(
                "; expected hours such as 22:00-06:00, Mon-Fri 08:00-17:00 or Sat,Sun 00:00-24:00"))
    }

    private func load(
        _ text: String, _ environment: [String: String] = [:], _ flags: [String: [String]] = [:]
    ) throws -> LoadedSettings {
        let folder = try TestFolder()
        let file = try folder.write(text, to: "astd.yaml")
        return try SettingsSources(file: file, environment: environment, flags: flags).load()
    }

    @Test func `Sources have quiet hours of their own, or those in general`() throws {
        let text = """
            quiet_hours: [22:00-06:00, "Sat,Sun 00:00-24:00"]
            sources:
              garden: {source: pulse}
              door: {source: pulse, quiet_hours: Mon-Fri 08:00-17:00}
              stable: {source: pulse, quiet_hours: []}
            """
        let loaded = try load(text)
        let hours = loaded.settings.sources.map { loaded.settings.settings(of: $0).quietHours.map(\.text) }
        #expect(hours == [["22:00-06:00", "Sat,Sun 00:00-24:00"], ["Mon-Fri 08:00-17:00"], []])
        #expect(try load(loaded.text()).settings == loaded.settings, "\(loaded.text())")
        // In variables and options, semicolons separate them: the hours have colons.
        let variable = try load("", ["ASTD_QUIET_HOURS": "22:00-06:00;Sat 12:00-13:00"]).settings
        #expect(variable.quietHours.map(\.text) == ["22:00-06:00", "Sat 12:00-13:00"])
        let flag = try load(text, [:], ["sources.stable.quiet_hours": ["1:00-2:00;3:00-4:00"]]).settings
        #expect(flag.settings(of: flag.sources[2]).quietHours.map(\.text) == ["1:00-2:00", "3:00-4:00"])
        // They change at once; the stream goes on.
        let changes = SettingsChanges(from: loaded.settings, to: flag)
        #expect(changes.applied == ["sources.stable.quiet_hours: none -> 1:00-2:00, 3:00-4:00"])
        #expect(changes.postponed.isEmpty)
        #expect(
            flag.settings(of: flag.sources[2]).streamSettings
                == loaded.settings.settings(of: loaded.settings.sources[2]).streamSettings)
    }

    @Test func `A mistake in the settings names the key, what was found and what is accepted`() throws {
        func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
            do {
                _ = try load(text, environment)
                return []
            } catch let refusal as SettingsRefusal {
                return refusal.problems.map {
                    "\($0)".split(separator: "astd.yaml").last.map(String.init) ?? ""
                }
            } catch {
                return ["\(error)"]
            }
        }
        let expected = "expected hours such as 22:00-06:00, Mon-Fri 08:00-17:00 or Sat,Sun 00:00-24:00"
        #expect(
            problems("quiet_hours: [22:00-06:00, 22:00-26:00]") == [
                ":1: invalid value '22:00-26:00' for quiet_hours: '26:00' is not a time from 00:00 to 24:00; "
                    + expected
            ])
        #expect(
            problems("sources:\n  garden:\n    source: pulse\n    quiet_hours: [nights]") == [
                ":4: invalid value 'nights' for sources.garden.quiet_hours: 'nights' is not two times with a "
                    + "hyphen; \(expected)"
            ])
        #expect(
            problems("", ["ASTD_QUIET_HOURS": "22:00-06:00;So 1:00-2:00"]) == [
                "$ASTD_QUIET_HOURS: invalid value 'So 1:00-2:00' for quiet_hours: 'So' is not a weekday (Mon, "
                    + "Tue, Wed, Thu, Fri, Sat, Sun); \(expected)"
            ])
    }
}
