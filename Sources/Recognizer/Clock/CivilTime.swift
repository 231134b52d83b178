internal import Wire

/// A date and a time of day as recorders write them: without a zone, or with an offset from UTC.
struct CivilTime: Equatable, Sendable {
    var year: Int
    var month: Int
    var day: Int
    var hour = 0
    var minute = 0
    var second = 0
    var nanosecond = 0
    /// Seconds east of UTC; `nil` when the text has no zone.
    var offsetSeconds: Int?

    /// - Returns: `nil` for an invalid date or time.
    init?(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, nanosecond: Int = 0,
        offsetSeconds: Int? = nil
    ) {
        guard (1970...2200).contains(year), (1...12).contains(month),
            (1...Timestamp.days(inMonth: month, of: year)).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second, self.nanosecond) = (hour, minute, second, nanosecond)
        self.offsetSeconds = offsetSeconds
    }

    /// Nanoseconds since 1970-01-01T00:00:00 at an offset from UTC.
    func unixNanos(offsetSeconds: Int) -> Int64 {
        var days = Timestamp.days(before: year)
        for earlier in 1..<month { days += Timestamp.days(inMonth: earlier, of: year) }
        let seconds = (days + day - 1) * 86_400 + hour * 3600 + minute * 60 + second - offsetSeconds
        return Int64(seconds) * 1_000_000_000 + Int64(nanosecond)
    }
}

extension CivilTime {
    /// Reads `2024-05-01T05:30:00`, with a space instead of `T`, without seconds, with a fraction, and with
    /// `Z`, `+02:00` or `+0200` at its end.
    init?(_ text: String) {
        var rest = Digits(text)
        guard let year = rest.number(4), rest.skip("-"), let month = rest.number(2), rest.skip("-"),
            let day = rest.number(2)
        else { return nil }
        var (hour, minute, second, nanosecond) = (0, 0, 0, 0)
        if rest.skip("T") || rest.skip("t") || rest.skip(" ") {
            guard let hours = rest.number(2), rest.skip(":"), let minutes = rest.number(2) else { return nil }
            (hour, minute) = (hours, minutes)
            if rest.skip(":") {
                guard let seconds = rest.number(2) else { return nil }
                second = seconds
                if rest.skip(".") || rest.skip(",") {
                    guard let fraction = rest.fraction() else { return nil }
                    nanosecond = fraction
                }
            }
        }
        let offset = rest.offset()
        guard rest.isEmpty else { return nil }
        self.init(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second,
            nanosecond: nanosecond, offsetSeconds: offset)
    }
}

/// Reads numbers with a known count of digits from the front of a text.
struct Digits {
    private var bytes: ArraySlice<UInt8>

    init(_ text: String) { bytes = Array(text.utf8)[...] }

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    var isEmpty: Bool { bytes.isEmpty }
    var count: Int { bytes.count }
    var first: UInt8? { bytes.first }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    mutating func number(_ count: Int) -> Int? {
        guard bytes.count >= count, bytes.prefix(count).allSatisfy(Self.isDigit) else { return nil }
        let value = bytes.prefix(count).reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        bytes = bytes.dropFirst(count)
        return value
    }

    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
        guard let first = bytes.first, first == UInt8(ascii: mark) else { return false }
        bytes = bytes.dropFirst()
        return true
    }

    /// Nanoseconds of the digits behind a decimal point; digits beyond the ninth are dropped.
    mutating func fraction() -> Int? {
        let digits = bytes.prefix(while: Self.isDigit)
        guard !digits.isEmpty else { return nil }
        bytes = bytes.dropFirst(digits.count)
        let nine =
            Array(digits.prefix(9)) + [UInt8](repeating: UInt8(ascii: "0"), count: max(0, 9 - digits.count))
        return nine.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// Behind `UTC`: `)`, `+2)`, `-10)` or `+5:30)`, in seconds.
    mutating func shortOffset() -> Int? {
        if skip(")") { return 0 }
        let sign = skip("+") ? 1 : skip("-") ? -1 : 0
        guard sign != 0, let hours = number(2) ?? number(1), hours <= 14 else { return nil }
        let minutes = skip(":") ? number(2) : 0
        guard let minutes, minutes <= 59, skip(")") else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }

    /// `Z`, `+02:00`, `+0200` or `+02`, in seconds; nothing is read when there is none.
    mutating func offset() -> Int? {
        if skip("Z") || skip("z") { return 0 }
        var rest = self
        let sign = rest.skip("+") ? 1 : rest.skip("-") ? -1 : 0
        guard sign != 0, let hours = rest.number(2), hours <= 14 else { return nil }
        let hasColon = rest.skip(":")
        let minutes = rest.number(2)
        if let minutes, minutes > 59 { return nil }
        if hasColon && minutes == nil { return nil }
        self = rest
        return sign * (hours * 3600 + (minutes ?? 0) * 60)
    }
}
