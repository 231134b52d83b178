import Settings
import SystemSupport
import TestSupport
import Testing
import Wire

@testable import Gateway

@Suite struct NotifyStateTests {
    private static let command = NotifyRule.Action.command(["/bin/true"], limitSeconds: 1)

    private func rule(_ labels: [String] = ["Siren"], _ change: (inout NotifyRule) -> Void = { _ in })
        -> NotifyRule
    {
        var rule = NotifyRule(name: "rule", labels: labels, action: Self.command)
        change(&rule)
        return rule
    }

    /// What the state decides when events arrive at once.
    private func decide(
        _ state: inout NotifyState, _ events: EventRecord..., now: Timestamp? = nil
    ) -> [NotifiedEvent] {
        let changes = events.map { HistoryChange.event($0) }
        return state.update(.stored(changes), of: "kitchen", at: now ?? events[events.count - 1].time).map(
            \.event)
    }

    private func window(_ state: inout NotifyState, _ seq: UInt64, at seconds: Double) -> [NotifiedEvent] {
        let record = LiveRecord.prediction(Fixture.prediction(seq, at: seconds))
        return state.update(.record(record), of: "kitchen", at: Fixture.time(seconds)).map(\.event)
    }

    @Test func `A rule applies to its labels, patterns, groups and daemons`() {
        let rule = rule(["Siren", "Fire*", "Dog [bB]ark"]) { $0.daemons = ["kitchen"] }
        for label in ["Siren", "Fire", "Fire alarm", "Dog bark", "Dog Bark"] {
            #expect(rule.admits(label: label, daemon: "kitchen"), "\(label)")
            #expect(!rule.admits(label: label, daemon: "street"), "\(label)")
        }
        for label in ["siren", "Sirens", "Camp Fire", "Dog ", ""] {
            #expect(!rule.admits(label: label, daemon: "kitchen"), "\(label)")
        }
    }

    @Test func `Without a duration, the begin of an event notifies, and its end does not`() {
        var state = NotifyState([rule()])
        let begun = decide(&state, Fixture.event(.begin, 1, at: 2))
        #expect(begun.map(\.label) == ["Siren"] && begun.map(\.state) == [.ongoing])
        #expect(decide(&state, Fixture.event(.end, 1, at: 5, duration: 3)).isEmpty)
        // A history that was suspended reports it again.
        #expect(
            decide(&state, Fixture.event(.begin, 1, at: 2), Fixture.event(.end, 1, at: 5, duration: 3))
                .isEmpty)
        #expect(decide(&state, Fixture.event(.begin, 2, at: 8, label: "Dog")).isEmpty)
    }

    @Test func `An event in progress notifies when the windows after its begin make it long enough`() {
        var state = NotifyState([rule { $0.minDuration = 2 }])
        #expect(window(&state, 1, at: 1).isEmpty)
        #expect(decide(&state, Fixture.event(.begin, 1, at: 1)).isEmpty)
        #expect(window(&state, 2, at: 2).isEmpty)
        // The end of an event follows the window that shows it, so that window 3 itself proves nothing.
        #expect(window(&state, 3, at: 3).isEmpty)
        let found = window(&state, 4, at: 4)
        #expect(found.map(\.duration) == [2] && found.map(\.state) == [.ongoing])
        #expect(window(&state, 5, at: 5).isEmpty)
    }

    @Test func `An event that is too short does not notify, and one that ends in time does`() {
        var state = NotifyState([rule { $0.minDuration = 2 }])
        #expect(decide(&state, Fixture.event(.begin, 1, at: 1)).isEmpty)
        #expect(window(&state, 2, at: 2).isEmpty)
        #expect(window(&state, 3, at: 3).isEmpty)
        #expect(decide(&state, Fixture.event(.end, 1, at: 2, duration: 1)).isEmpty)
        #expect(window(&state, 4, at: 4).isEmpty)
        #expect(decide(&state, Fixture.event(.end, 2, at: 9, duration: 2)).map(\.state) == [.end])
    }

    @Test func `The highest score of an event so far decides`() {
        var state = NotifyState([rule { $0.minScore = 0.8 }])
        #expect(decide(&state, Fixture.event(.begin, 1, at: 1, peak: 0.6)).isEmpty)
        #expect(window(&state, 2, at: 2).isEmpty)
        #expect(
            decide(&state, Fixture.event(.end, 1, at: 5, duration: 4, peak: 0.81)).map(\.peakScore) == [0.81])
        #expect(decide(&state, Fixture.event(.end, 2, at: 7, duration: 1, peak: .nan)).isEmpty)
    }

    @Test func `After a notification, a label is quiet for the cool-down, and another is not`() {
        var state = NotifyState([rule(["*"]) { $0.cooldown = 60 }])
        #expect(decide(&state, Fixture.event(.begin, 1, at: 100)).count == 1)
        #expect(decide(&state, Fixture.event(.begin, 2, at: 159)).isEmpty)
        #expect(decide(&state, Fixture.event(.begin, 3, at: 159, label: "Dog")).count == 1)
        #expect(decide(&state, Fixture.event(.begin, 4, at: 160)).count == 1)
        // A clock that was set back an hour must not silence the label for an hour.
        #expect(decide(&state, Fixture.event(.begin, 5, at: 10)).count == 1)
        #expect(state.suppressed == .init(cooldown: 1))
    }

    @Test func `A cool-down and a notified event outlast the gateway`() {
        let last = [
            NotifyState.RuleLabel(rule: "rule", label: "Siren"): LastNotification(
                time: Fixture.time(100), event: Fixture.run.eventID(1))
        ]
        var state = NotifyState([rule { $0.cooldown = 60 }], last: last)
        #expect(decide(&state, Fixture.event(.begin, 2, at: 159)).isEmpty)
        state = NotifyState([rule()], last: last)
        #expect(decide(&state, Fixture.event(.end, 1, at: 400, duration: 300)).isEmpty)
        #expect(decide(&state, Fixture.event(.begin, 2, at: 401)).count == 1)
    }

    @Test func `An event that is reported five minutes late is history`() {
        var state = NotifyState([rule()])
        #expect(decide(&state, Fixture.event(.begin, 1, at: 10), now: Fixture.time(311)).isEmpty)
        #expect(decide(&state, Fixture.event(.begin, 2, at: 10), now: Fixture.time(309)).count == 1)
        #expect(state.suppressed == .init(late: 1))
    }

    @Test func `Events of another run, and those that were interrupted, no longer notify`() {
        var state = NotifyState([rule { $0.minDuration = 2 }])
        _ = decide(&state, Fixture.event(.begin, 1, at: 1))
        _ = state.update(
            .stored([.interrupted(except: [], at: Fixture.time(1))]), of: "kitchen", at: Fixture.time(1))
        for seconds in 2...6 { #expect(window(&state, UInt64(seconds), at: Double(seconds)).isEmpty) }
    }

    @Test func `After lost records, windows no longer prolong an event, and its own end still notifies`() {
        var state = NotifyState([rule { $0.minDuration = 2 }])
        let missed = HistoryGap(reason: .missed(3), begin: Fixture.time(1), end: Fixture.time(2))
        _ = window(&state, 1, at: 1)
        _ = decide(&state, Fixture.event(.begin, 1, at: 1))
        _ = state.update(.stored([.gap(missed)]), of: "kitchen", at: Fixture.time(2))
        for seconds in 2...6 { #expect(window(&state, UInt64(seconds), at: Double(seconds)).isEmpty) }
        #expect(decide(&state, Fixture.event(.end, 1, at: 7, duration: 6)).map(\.duration) == [6])
        // One that has notified does not notify again.
        #expect(decide(&state, Fixture.event(.begin, 2, at: 8)).isEmpty)
        let late = (9...11).flatMap { window(&state, UInt64($0), at: Double($0)) }
        #expect(late.count == 1)
        _ = decide(&state, Fixture.event(.end, 3, at: 11, duration: 3))
        _ = state.update(.stored([.gap(missed)]), of: "kitchen", at: Fixture.time(11))
        #expect(decide(&state, Fixture.event(.end, 2, at: 12, duration: 4)).isEmpty)
    }

    /// 2027-03-28, when 02:00 CET is followed by 03:00 CEST, and 2027-10-31, when 03:00 CEST is followed by
    /// 02:00 CET.
    private static let (toSummer, fromSummer) = (1_806_195_600, 1_824_944_400)
    private static let day = 86_400

    /// Whether an event at a second notifies, in Berlin.
    private func notifies(_ rule: NotifyRule, at seconds: Int, after last: Int? = nil) -> Bool {
        let offset: @Sendable (Int) -> Int = { ($0 >= Self.toSummer && $0 < Self.fromSummer) ? 7200 : 3600 }
        var known: [NotifyState.RuleLabel: LastNotification] = [:]
        if let last {
            known[.init(rule: rule.name, label: "Siren")] = LastNotification(
                time: Timestamp(unixNanos: Int64(last) * 1_000_000_000), event: "earlier")
        }
        var state = NotifyState([rule], last: known, offsetSeconds: offset)
        let time = Timestamp(unixNanos: Int64(seconds) * 1_000_000_000)
        let event = EventRecord(
            state: .begin, id: Fixture.run.eventID(1), seq: 1, label: "Siren", unixNanos: time.unixNanos,
            startSample: 0, endSample: 0, peakScore: 1, duration: 0)
        return !state.update(.stored([.event(event)]), of: "kitchen", at: time).isEmpty
    }

    @Test func `Quiet hours follow the wall across both changes of summer time`() throws {
        let quiet = rule { $0.quietHours = [QuietHours("02:30-03:30")].compactMap { $0 } }
        try #require(quiet.quietHours.count == 1)
        // 01:59:59, then 03:00:00: half of the hours do not happen.
        #expect(notifies(quiet, at: Self.toSummer - 1))
        #expect(!notifies(quiet, at: Self.toSummer))
        #expect(!notifies(quiet, at: Self.toSummer + 1799))
        #expect(notifies(quiet, at: Self.toSummer + 1800))
        // 02:29:59 and 02:30 in summer time, then both again in winter time.
        #expect(notifies(quiet, at: Self.fromSummer - 1801))
        #expect(!notifies(quiet, at: Self.fromSummer - 1800))
        #expect(notifies(quiet, at: Self.fromSummer))
        #expect(!notifies(quiet, at: Self.fromSummer + 1800))
        #expect(notifies(quiet, at: Self.fromSummer + 5400))
        // Both changes are on a Sunday.
        let sunday = rule { $0.quietHours = [QuietHours("Sun 00:00-24:00")].compactMap { $0 } }
        let midnight = Self.toSummer - 2 * 3600 + 3600
        #expect(notifies(sunday, at: midnight - 3601) && !notifies(sunday, at: midnight - 3600))
        #expect(!notifies(sunday, at: midnight - 3600 + 23 * 3600 - 1))
        #expect(notifies(sunday, at: midnight - 3600 + 23 * 3600))
    }

    @Test func `The first event of a day counts by the days on the wall, which have 23 and 25 hours`() {
        let first = rule { $0.isFirstOfDay = true }
        // Days begin at 23:00 UTC in winter and at 22:00 UTC in summer.
        let short = Self.toSummer - 7200
        #expect(notifies(first, at: short, after: short - 1))
        #expect(!notifies(first, at: short + 23 * 3600 - 1, after: short))
        #expect(notifies(first, at: short + 23 * 3600, after: short))
        let long = Self.fromSummer - 3 * 3600
        #expect(!notifies(first, at: long + 25 * 3600 - 1, after: long))
        #expect(notifies(first, at: long + 25 * 3600, after: long))
    }

    @Test func `A cool-down lasts as long on the day of a change`() {
        let cool = rule { $0.cooldown = 3600 }
        for change in [Self.toSummer, Self.fromSummer] {
            #expect(!notifies(cool, at: change + 1799, after: change - 1800))
            #expect(notifies(cool, at: change + 1800, after: change - 1800))
        }
    }
}
