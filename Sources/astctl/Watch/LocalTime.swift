import SystemSupport
import Wire

/// Times as the user's clock shows them, for text that people read. Records and JSON keep UTC.
enum LocalTime {
    /// The time of day: `09:29:58`.
    static func clock(_ time: Timestamp, _ zone: TimeZoneRule = .local) -> String {
        String(text(time, zone).dropFirst(11).prefix(8))
    }

    /// The time of day with milliseconds: `09:29:58.250`.
    static func fineClock(_ time: Timestamp, _ zone: TimeZoneRule = .local) -> String {
        String(text(time, zone).dropFirst(11).prefix(12))
    }

    /// Date, time and offset from UTC: `2026-02-01 09:29:58.250 +09:30`.
    static func full(_ time: Timestamp, _ zone: TimeZoneRule = .local) -> String {
        let text = text(time, zone)
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(12)) \(text.dropFirst(23))"
    }

    private static func text(_ time: Timestamp, _ zone: TimeZoneRule) -> String {
        let (seconds, rest) = time.unixNanos.quotientAndRemainder(dividingBy: 1_000_000_000)
        let offset = zone.offsetSeconds(atUnixSeconds: Int(seconds) - (rest < 0 ? 1 : 0))
        return time.text(offsetSeconds: offset)
    }
}
