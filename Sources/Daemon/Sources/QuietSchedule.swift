internal import Capture
internal import Settings
internal import SystemSupport

/// The wall clock and the time zone of the machine: the boundary at which tests have their own.
struct WallClock: Sendable {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    var nowNanos: @Sendable () -> Int64
    /// Seconds east of UTC, by the instant in seconds since 1970.
    var offsetSeconds: @Sendable (Int) -> Int

    var now: Int { Int(nowNanos() / 1_000_000_000) }

    static let system = WallClock(
        nowNanos: { SystemClock.bootNanos + SystemClock.wallOffsetNanos },
        offsetSeconds: { TimeZoneRule.local.offsetSeconds(atUnixSeconds: $0) })
}

/// Quiet hours that are in progress.
struct QuietPeriod: Equatable, Sendable {
    /// When they end, in seconds since 1970; `nil`: never.
    var end: Int?
    /// That time by the clock on the wall, such as `06:00`, or `Mon 06:00` if it is a day or more away.
    var endText: String?

    /// For people.
    var message: String { "quiet hours" + (endText.map { " until \($0)" } ?? "") }
}

/// When the quiet hours of a source begin and end.
///
/// They follow the clock on the wall: a minute is quiet if the weekday and time that the wall shows then are
/// quiet. Where summer time skips an hour, its minutes do not happen. Where it repeats one, they are quiet
/// both times, and quiet hours that last across the change are not interrupted:
///
///     wall     01:30   02:00   02:30   02:00   02:30   03:00
///                                      ▲ the clock is set back at 03:00
///     quiet hours 01:30-02:30   ├──────────────────────┤
struct QuietSchedule: Equatable, Sendable {
    var hours: [QuietHours]

    private static let secondsPerDay = 86_400
    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    /// The quiet hours that are in progress; `nil` when there are none.
    func period(by clock: WallClock) -> QuietPeriod? {
        let now = clock.now
        if hours.isEmpty || !isQuiet(now, clock) { return nil }
        // Zones differ by whole minutes. After a week, and a day for a change to summer time, nothing is new.
        let last = now + 8 * Self.secondsPerDay
        var end = (now / 60 + 1) * 60
        while end < last, isQuiet(end, clock) { end += 60 }
        if end >= last { return QuietPeriod() }
        let (weekday, minute) = Self.local(end, clock.offsetSeconds(end))
        let time = "\(Self.two(minute / 60)):\(Self.two(minute % 60))"
        let day = end - now < Self.secondsPerDay ? "" : Self.weekdays[weekday] + " "
        return QuietPeriod(end: end, endText: day + time)
    }

    private func isQuiet(_ time: Int, _ clock: WallClock) -> Bool {
        Self.offsets(time, clock).contains { offset in
            let (weekday, minute) = Self.local(time, offset)
            return hours.contains { $0.contain(weekday: weekday, minute: minute) }
        }
    }

    /// The offset from UTC, and in the hour before and after a clock is set back, the other one, too.
    private static func offsets(_ time: Int, _ clock: WallClock) -> [Int] {
        let offset = clock.offsetSeconds(time)
        let earlier = clock.offsetSeconds(time - longestRepetition)
        if earlier > offset, clock.offsetSeconds(time - (earlier - offset)) == earlier {
            return [offset, earlier]
        }
        let later = clock.offsetSeconds(time + longestRepetition)
        if later < offset, clock.offsetSeconds(time + (offset - later)) == later { return [offset, later] }
        return [offset]
    }

    /// Zones repeat an hour or half an hour; at Antarctic stations two.
    private static let longestRepetition = 7200

    /// Weekday, counted from Monday, and minute of the day on the wall.
    private static func local(_ time: Int, _ offset: Int) -> (weekday: Int, minute: Int) {
        let local = time + offset
        let day = Int((Double(local) / Double(secondsPerDay)).rounded(.down))
        // 1970-01-01 was a Thursday.
        return (((day + 3) % 7 + 7) % 7, (local - day * secondsPerDay) / 60)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
