internal import TextSupport

/// A moment in UTC, written as RFC 3339 with milliseconds: `2026-01-31T23:59:58.250Z`.
public struct Timestamp: Sendable, Hashable {
    /// Nanoseconds since 1970-01-01T00:00:00Z. The text keeps whole milliseconds, rounded down.
    public let unixNanos: Int64

    public init(unixNanos: Int64) {
        self.unixNanos = unixNanos
    }

    /// Reads the form that ``description`` writes; nil for any other text.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 24 else { return nil }
        for (position, mark) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "."), (23, "Z")] {
            guard bytes[position] == mark.utf8.first else { return nil }
        }
        func field(_ range: Range<Int>, _ allowed: ClosedRange<Int>) -> Int? {
            let digits = bytes[range]
            guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
                return nil
            }
            let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            return allowed.contains(value) ? value : nil
        }
        guard let year = field(0..<4, 1700...2200), let month = field(5..<7, 1...12),
            let day = field(8..<10, 1...Self.days(inMonth: month, of: year)),
            let hour = field(11..<13, 0...23), let minute = field(14..<16, 0...59),
            let second = field(17..<19, 0...59), let milli = field(20..<23, 0...999)
        else { return nil }
        var days = Self.days(before: year) + day - 1
        for earlier in 1..<month { days += Self.days(inMonth: earlier, of: year) }
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
        unixNanos = (Int64(seconds) * 1_000 + Int64(milli)) * 1_000_000
    }

    /// Days from 1970-01-01 to the first day of `year` (Gregorian, also before 1970).
    package static func days(before year: Int) -> Int {
        let last = year - 1
        let leapDays = last / 4 - last / 100 + last / 400
        return (year - 1970) * 365 + leapDays - 477  // 477 leap days came before 1970.
    }

    package static func days(inMonth month: Int, of year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String { text(offsetSeconds: 0) }

    /// RFC 3339 with milliseconds, at an offset from UTC: `2026-02-01T09:29:58.250+09:30`; `Z` for 0.
    package func text(offsetSeconds offset: Int) -> String {
        let nanosPerDay: Int64 = 86_400_000_000_000
        let (localNanos, overflows) = unixNanos.addingReportingOverflow(Int64(offset) * 1_000_000_000)
        // The last hours before 2262-04-12, the end of the nanoseconds, stay in UTC.
        if overflows { return text(offsetSeconds: 0) }
        var dayNanos = localNanos % nanosPerDay
        var days = Int(localNanos / nanosPerDay)
        if dayNanos < 0 {
            dayNanos += nanosPerDay
            days -= 1
        }
        var year = 1970 + days / 366  // At or just below the true year from 1970 on.
        while Self.days(before: year) > days { year -= 1 }
        while Self.days(before: year + 1) <= days { year += 1 }
        var day = days - Self.days(before: year)
        var month = 1
        while day >= Self.days(inMonth: month, of: year) {
            day -= Self.days(inMonth: month, of: year)
            month += 1
        }
        let millis = Int(dayNanos / 1_000_000)
        let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day + 1, 2))"
        let clock = [millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60]
            .map { Self.padded($0, 2) }.joined(separator: ":")
        let minutes = abs(offset) / 60
        let sign = offset < 0 ? "-" : "+"
        let zone =
            offset == 0 ? "Z" : "\(sign)\(Self.padded(minutes / 60, 2)):\(Self.padded(minutes % 60, 2))"
        return "\(date)T\(clock).\(Self.padded(millis % 1_000, 3))\(zone)"
    }

    private static func padded(_ value: Int, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension JSONObject {
    func requiredTimestamp(_ name: String) throws(JSONError) -> Timestamp {
        guard let time = try timestamp(name) else { throw .missing(field: name) }
        return time
    }

    func timestamp(_ name: String) throws(JSONError) -> Timestamp? {
        guard let text = try string(name) else { return nil }
        guard let time = Timestamp(text) else {
            throw .wrongType(field: name, expected: "a time like 2026-01-31T23:59:58.250Z")
        }
        return time
    }
}
