import Capture
import Foundation
import Settings
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Daemon

/// A wall clock that tests set, in a zone that Foundation knows: an independent source of summer time.
final class TestClock: Sendable {
    private let state: Mutex<(now: Int, zone: TimeZone)>

    /// - Parameter time: UTC, such as `2027-03-28T00:59:00Z`.
    init(_ time: String, zone: String = "Europe/Berlin") throws {
        let zone = try #require(TimeZone(identifier: zone))
        state = Mutex((try Self.seconds(time), zone))
    }

    static func seconds(_ time: String) throws -> Int {
        Int(try Date(time, strategy: .iso8601).timeIntervalSince1970)
    }

    func set(_ time: String) throws {
        let seconds = try Self.seconds(time)
        state.withLock { $0.now = seconds }
    }

    func advance(seconds: Int) { state.withLock { $0.now += seconds } }

    var now: Int { state.withLock { $0.now } }

    var wall: WallClock {
        WallClock(
            nowNanos: { Int64(self.now) * 1_000_000_000 },
            offsetSeconds: { time in
                self.state.withLock { $0.zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time))) }
            })
    }
}

/// A source that counts what is asked of it.
private final class SwitchedSource: AudioSource {
    let name = "pulse:mic"
    private let state = Mutex((isPaused: false, changes: 0))
    private let monitor = Mutex<SourceMonitor?>(nil)

    var isPaused: Bool { state.withLock { $0.isPaused } }
    var changes: Int { state.withLock { $0.changes } }

    func report(to monitor: SourceMonitor) { self.monitor.withLock { $0 = monitor } }
    func start(into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void) {}
    func pause() { set(true) }
    func resume() { set(false) }
    func stop() {}

    private func set(_ isPaused: Bool) {
        let isChange = state.withLock { state in
            defer { state.isPaused = isPaused }
            if state.isPaused != isPaused { state.changes += 1 }
            return state.isPaused != isPaused
        }
        guard isChange else { return }
        monitor.withLock { $0 }?.process(SourceEvent(state: isPaused ? .paused : .healthy, name: name))
    }
}

@Suite struct QuietScheduleTests {
    private static func schedule(_ texts: String...) throws -> QuietSchedule {
        QuietSchedule(hours: try texts.map { try #require(QuietHours($0), "\($0)") })
    }

    /// The begin and the end of each quiet period within some hours, minute by minute, in UTC.
    private static func periods(
        _ schedule: QuietSchedule, from time: String, hours: Int, zone: String = "Europe/Berlin"
    ) throws -> [String] {
        let clock = try TestClock(time, zone: zone)
        var changes: [String] = []
        var last: QuietPeriod?
        for _ in 0..<(hours * 60) {
            let period = schedule.period(by: clock.wall)
            if period != last {
                let now = Date(timeIntervalSince1970: Double(clock.now)).formatted(.iso8601)
                changes.append("\(now.dropFirst(11).prefix(5)) \(period?.endText ?? "-")")
                // While they last, their end is the same.
                if let period, let end = period.end { #expect(end > clock.now) }
            }
            last = period
            clock.advance(seconds: 60)
        }
        return changes
    }

    @Test func `A night ends at the same time by the clock on the wall, across both changes of summer time`()
        throws
    {
        let nights = try Self.schedule("22:00-06:00")
        // An ordinary night: 22:00 CET is 21:00 UTC.
        #expect(
            try Self.periods(nights, from: "2027-01-15T12:00:00Z", hours: 24) == ["21:00 06:00", "05:00 -"])
        // To summer time on 2027-03-28, 02:00 CET = 03:00 CEST: seven hours.
        #expect(
            try Self.periods(nights, from: "2027-03-27T12:00:00Z", hours: 24) == ["21:00 06:00", "04:00 -"])
        // From summer time on 2027-10-31, 03:00 CEST = 02:00 CET: nine hours.
        #expect(
            try Self.periods(nights, from: "2027-10-30T12:00:00Z", hours: 24) == ["20:00 06:00", "05:00 -"])
    }

    @Test func `Hours that summer time skips or repeats are quiet as often as the clock shows them`() throws {
        // 02:00 to 03:00 is skipped: what begins in it begins at 03:00, what lies in it does not happen.
        let early = try Self.schedule("02:30-03:30")
        #expect(
            try Self.periods(early, from: "2027-03-28T00:00:00Z", hours: 6) == ["01:00 03:30", "01:30 -"])
        #expect(
            try Self.periods(Self.schedule("02:15-02:45"), from: "2027-03-28T00:00:00Z", hours: 6) == [])
        // 02:00 to 03:00 is repeated: both are quiet, and what lasts across the change is not interrupted.
        #expect(
            try Self.periods(Self.schedule("02:15-02:45"), from: "2027-10-30T23:00:00Z", hours: 6)
                == ["00:15 02:45", "00:45 -", "01:15 02:45", "01:45 -"])
        #expect(
            try Self.periods(Self.schedule("01:00-02:30"), from: "2027-10-30T22:00:00Z", hours: 6)
                == ["23:00 02:30", "01:30 -"])
        #expect(
            try Self.periods(Self.schedule("02:30-03:30"), from: "2027-10-30T22:00:00Z", hours: 6)
                == ["00:30 03:30", "02:30 -"])
        // Half an hour is repeated, at 02:00.
        #expect(
            try Self.periods(
                Self.schedule("01:45-02:15"), from: "2027-04-03T13:30:00Z", hours: 4,
                zone: "Australia/Lord_Howe") == ["14:45 02:15", "15:45 -"])
    }

    @Test func `Weekdays are those of the begin, and an end more than a day away has its weekday`() throws {
        let weekend = try Self.schedule("Sat,Sun 00:00-24:00", "Sun 22:00-06:00")
        // Friday, 23:00 UTC is Saturday in Berlin.
        let clock = try TestClock("2027-01-15T22:59:59Z")
        #expect(weekend.period(by: clock.wall) == nil)
        clock.advance(seconds: 1)
        let period = try #require(weekend.period(by: clock.wall))
        #expect(period.message == "quiet hours until Mon 06:00")
        #expect(period.end == (try TestClock.seconds("2027-01-18T05:00:00Z")))
        try clock.set("2027-01-17T10:00:00Z")
        #expect(weekend.period(by: clock.wall)?.message == "quiet hours until 06:00")
        let always = try Self.schedule("00:00-12:00", "12:00-24:00")
        #expect(always.period(by: clock.wall)?.message == "quiet hours")
    }

    /// A source with a monitor, and quiet hours that follow a clock.
    private struct Bench {
        let source = SwitchedSource()
        let monitor: SourceMonitor
        let log = LogRecorder()
        let pause: SourcePause
        let clock: TestClock

        init(_ time: String, _ schedule: QuietSchedule) throws {
            clock = try TestClock(time)
            monitor = SourceMonitor(
                name: source.name, hub: EventHub(),
                commands: CommandMailbox(ring: SampleRing(capacitySamples: 1)),
                logger: log.logger)
            source.report(to: monitor)
            var reasons = PauseReasons()
            reasons.setQuiet(schedule.period(by: clock.wall))
            pause = SourcePause(source, monitor, reasons, schedule, clock.wall)
            monitor.process(SourceEvent(state: .healthy, name: source.name))
            try pause.start(request: nil) { () throws(CaptureError) in }
        }

        func set(_ time: String) throws {
            try clock.set(time)
            pause.followClock()
        }

        func request() {
            let request = RequestedPause(since: Timestamp(unixNanos: 0), isFromBefore: false)
            pause.change { $0.request = request }
        }
    }

    @Test func `The source is disconnected in quiet hours, also when the clock jumps into or out of them`()
        throws
    {
        let bench = try Bench("2027-01-15T20:59:59Z", try Self.schedule("22:00-06:00"))
        #expect(!bench.source.isPaused)
        try bench.set("2027-01-15T21:00:00Z")
        #expect(bench.source.isPaused)
        #expect(bench.monitor.record.state == .paused)
        #expect(bench.monitor.record.message == "quiet hours until 06:00")
        #expect(bench.monitor.line == "paused; quiet hours until 06:00")
        #expect(bench.log.messages.last == "source pulse:mic is paused: quiet hours until 06:00")
        try bench.set("2027-01-16T04:59:59Z")
        #expect(bench.source.isPaused && bench.source.changes == 1)
        try bench.set("2027-01-16T05:00:00Z")
        #expect(!bench.source.isPaused && bench.monitor.record.state == .healthy)
        // Two hours back, three days ahead, into the day.
        for (time, isPaused) in [
            ("2027-01-16T03:00:00Z", true), ("2027-01-19T01:00:00Z", true), ("2027-01-19T12:00:00Z", false),
        ] {
            try bench.set(time)
            #expect(bench.source.isPaused == isPaused, "\(time)")
        }
    }

    @Test func `A source that starts in quiet hours starts paused`() throws {
        let schedule = try Self.schedule("22:00-06:00")
        var reasons = PauseReasons()
        reasons.setQuiet(schedule.period(by: try TestClock("2027-01-15T23:00:00Z").wall))
        #expect(reasons.message == "quiet hours until 06:00")
        let bench = try Bench("2027-01-15T23:00:00Z", schedule)
        #expect(bench.source.isPaused)
    }

    @Test func `A client may resume in quiet hours, until their end and not in others`() throws {
        let bench = try Bench("2027-01-15T23:00:00Z", try Self.schedule("22:00-06:00"))
        bench.pause.change { $0.resume() }
        #expect(!bench.source.isPaused)
        try bench.set("2027-01-16T04:00:00Z")
        #expect(!bench.source.isPaused)
        // The next night, without a look at the day between.
        try bench.set("2027-01-16T23:00:00Z")
        #expect(bench.source.isPaused)
        bench.pause.change { $0.resume() }
        // Back into the night before.
        try bench.set("2027-01-16T03:00:00Z")
        #expect(bench.source.isPaused)
        bench.pause.change { $0.resume() }
        bench.pause.setQuietHours([try #require(QuietHours("22:00-07:00"))])
        #expect(bench.source.isPaused && bench.monitor.record.message == "quiet hours until 07:00")
        bench.pause.setQuietHours([])
        #expect(!bench.source.isPaused && !bench.pause.hasQuietHours)
    }

    @Test func `A pause that a client requests holds when the quiet hours are over`() throws {
        let bench = try Bench("2027-01-15T23:00:00Z", try Self.schedule("22:00-06:00"))
        bench.request()
        #expect(bench.monitor.record.message == "nothing is recorded until `astctl resume`")
        try bench.set("2027-01-16T12:00:00Z")
        #expect(bench.source.isPaused)
        bench.pause.change { $0.resume() }
        #expect(!bench.source.isPaused)
        // Requested before them: its reason is shown first.
        bench.request()
        try bench.set("2027-01-16T22:00:00Z")
        #expect(bench.monitor.record.message == "nothing is recorded until `astctl resume`")
        bench.pause.change { $0.request = nil }
        #expect(bench.source.isPaused && bench.monitor.record.message == "quiet hours until 06:00")
        #expect(bench.log.messages.last == "source pulse:mic is paused: quiet hours until 06:00")
    }
}
