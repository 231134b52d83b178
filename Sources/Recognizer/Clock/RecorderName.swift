/// The time at which a recording began, from the name that a recorder gave its file.
///
/// | name | recorder |
/// |---|---|
/// | `20240501_053000.WAV`, `20240501_053000T.WAV` | AudioMoth |
/// | `SMM07612_20240501_053000.wav`, `2MU00101_0+1_20240501_053000.wav` | Song Meter, with a prefix |
/// | `20240501T053000+0200_....wav`, `20240501T033000.250Z.flac` | BAR, Solo, R2: with an offset from UTC |
/// | `240501-053000.WAV`, `240501_053000.WAV` | Zoom |
/// | `2024-05-01_05-30-00.wav`, `2024-05-01 05.30.00.m4a` | telephones, scripts |
/// | `5E3C4F10.WAV` | AudioMoth before 2019: hexadecimal Unix time |
enum RecorderName {
    /// - Parameter path: Only its last part is read.
    /// - Returns: `nil` when the name holds no date with a time.
    static func time(in path: String) -> CivilTime? {
        let name = path.split(separator: "/").last.map { Array($0.utf8) } ?? []
        var position = 0
        while position < name.count {
            let rest = name[position...]
            guard rest.first.map(Digits.isDigit) == true else {
                position += 1
                continue
            }
            let run = rest.prefix(while: Digits.isDigit).count
            if let time = dashed(rest) ?? (run == 8 ? compact(rest, yearDigits: 4) : nil)
                ?? (run == 6 ? compact(rest, yearDigits: 2) : nil) ?? (run == 14 ? joined(rest) : nil)
            {
                return time
            }
            position += run
        }
        return hexadecimal(name)
    }

    /// `20240501_053000` or, with a year of two digits, `240501-053000`.
    private static func compact(_ text: ArraySlice<UInt8>, yearDigits: Int) -> CivilTime? {
        var rest = Digits(text)
        guard let year = rest.number(yearDigits), let month = rest.number(2), let day = rest.number(2)
        else { return nil }
        guard rest.skip("_") || rest.skip("-") || yearDigits == 4 && (rest.skip("T") || rest.skip(" "))
        else { return nil }
        return timeOfDay(&rest, yearDigits == 2 ? 2000 + year : year, month, day) {
            _ in true
        }
    }

    /// `20240501053000`.
    private static func joined(_ text: ArraySlice<UInt8>) -> CivilTime? {
        var rest = Digits(text)
        guard let year = rest.number(4), let month = rest.number(2), let day = rest.number(2) else {
            return nil
        }
        return timeOfDay(&rest, year, month, day) { _ in true }
    }

    /// `2024-05-01_05-30-00`, with any of the usual marks between its parts.
    private static func dashed(_ text: ArraySlice<UInt8>) -> CivilTime? {
        var rest = Digits(text)
        guard let year = rest.number(4), rest.skip("-") || rest.skip("_"), let month = rest.number(2),
            rest.skip("-") || rest.skip("_"), let day = rest.number(2),
            rest.skip("_") || rest.skip("T") || rest.skip(" ") || rest.skip("-")
        else { return nil }
        return timeOfDay(&rest, year, month, day) {
            $0.skip("-") || $0.skip(":") || $0.skip(".") || $0.skip("_")
                || $0.first.map(Digits.isDigit) == true
        }
    }

    private static func timeOfDay(
        _ rest: inout Digits, _ year: Int, _ month: Int, _ day: Int,
        _ skipMark: (inout Digits) -> Bool
    ) -> CivilTime? {
        guard let hour = rest.number(2), skipMark(&rest), let minute = rest.number(2), skipMark(&rest),
            let second = rest.number(2), rest.first.map(Digits.isDigit) != true
        else { return nil }
        let nanosecond = fraction(&rest)
        return CivilTime(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second,
            nanosecond: nanosecond, offsetSeconds: rest.offset())
    }

    /// `.250`, in nanoseconds. Fewer digits are a counter or part of an extension (`.1.wav`, `.3gp`) unless
    /// an offset follows; then nothing is read.
    private static func fraction(_ rest: inout Digits) -> Int {
        var behind = rest
        guard behind.skip("."), let nanosecond = behind.fraction() else { return 0 }
        var offset = behind
        guard rest.count - behind.count > 3 || offset.offset() != nil else { return 0 }
        rest = behind
        return nanosecond
    }

    /// A name of eight hexadecimal digits and `.WAV`: seconds since 1970, of 2014 or later.
    private static func hexadecimal(_ name: [UInt8]) -> CivilTime? {
        guard name.count == 12, name.suffix(4).elementsEqual(".WAV".utf8),
            let seconds = UInt32(String(decoding: name.prefix(8), as: UTF8.self), radix: 16),
            name.prefix(8).allSatisfy({ !(UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }),
            seconds >= 1_388_534_400
        else { return nil }
        var start = CivilTime(year: 1970, month: 1, day: 1, offsetSeconds: 0)
        start?.second = Int(seconds)
        return start
    }
}
