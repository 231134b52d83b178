internal import ArgumentParser
internal import Gateway
internal import SystemSupport
internal import Wire

/// A time on the command line: a span before now (`90s`, `30m`, `24h`, `7d`), a date, or a date and time.
/// Local time unless it ends in `Z`.
struct TimeArgument: Equatable {
    let time: Timestamp

    /// - Returns: nil for a text that is not a time.
    init?(_ text: String, now: Timestamp, zone: TimeZoneRule = .local) {
        if let unit = text.last, let seconds = ["s": 1, "m": 60, "h": 3600, "d": 86_400][unit],
            let count = Double(text.dropLast()), count >= 0, count * Double(seconds) < 4e9
        {
            time = Timestamp(unixNanos: now.unixNanos - Int64(count * Double(seconds) * 1e9))
            return
        }
        let isUTC = text.hasSuffix("Z")
        let digits = isUTC ? String(text.dropLast()) : text
        // Completed to the form of a record.
        let form = Array("0000-01-01T00:00:00.000")
        guard [10, 16, 19, 23].contains(digits.count) else { return nil }
        var complete = Array(digits) + form[digits.count...]
        if complete[10] == " " { complete[10] = "T" }
        guard let wall = Timestamp(String(complete) + "Z") else { return nil }
        if isUTC {
            time = wall
            return
        }
        let seconds = Int(wall.unixNanos / 1_000_000_000)
        // The offset in force at that local time: the first guess may be on the other side of a change.
        let guess = zone.offsetSeconds(atUnixSeconds: seconds)
        let offset = zone.offsetSeconds(atUnixSeconds: seconds - guess)
        time = Timestamp(unixNanos: wall.unixNanos - Int64(offset) * 1_000_000_000)
    }

    /// Reads the value of an option.
    static func parse(_ text: String, option: String) throws -> Timestamp {
        guard let argument = TimeArgument(text, now: .now) else {
            throw ValidationError(
                "\(option) \(text) is not a time: give 24h, 7d, 2026-01-31, '2026-01-31 22:05' or 2026-01-31T22:05:00Z"
            )
        }
        return argument.time
    }
}
