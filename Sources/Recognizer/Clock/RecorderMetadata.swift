private import Glibc
private import SystemSupport

/// The time at which a recording began, from the metadata of a WAV file: a GUANO chunk (`guan`, as Song
/// Meter and bat detectors write it), Wildlife Acoustics' chunk (`wamd`), AudioMoth's comment (`ICMT` in a
/// `LIST`) or a broadcast chunk (`bext`, EBU Tech 3285, as Zoom and Sound Devices write it).
enum RecorderMetadata {
    private static let mostChunks = 256
    private static let mostBytes = 1 << 16
    /// Bytes of `bext` up to the end of its time: description, originator, reference, date, time.
    private static let broadcastBytes = 256 + 32 + 32 + 10 + 8

    /// - Returns: `nil` for another kind of file, or without a valid time.
    static func time(in path: String) -> CivilTime? {
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let head = bytes(of: descriptor, at: 0, count: 12)
        guard head.count == 12, ["RIFF", "RF64", "BW64"].contains(text(head.prefix(4))),
            text(head.suffix(4)) == "WAVE"
        else { return nil }
        // By their order in the file; a GUANO chunk has precedence.
        var found: CivilTime?
        var offset = 12
        for _ in 0..<mostChunks {
            let chunk = bytes(of: descriptor, at: offset, count: 8)
            guard chunk.count == 8 else { break }
            let size = chunk[4...].reversed().reduce(0) { $0 << 8 | Int($1) }
            let content = { (count: Int) in bytes(of: descriptor, at: offset + 8, count: min(count, size)) }
            switch text(chunk.prefix(4)) {
            case "guan":
                if let time = guanoTime(text(content(mostBytes)[...])) { return time }
            case "wamd": found = found ?? wildlifeTime(content(mostBytes))
            case "LIST": found = found ?? commentTime(content(mostBytes))
            case "bext": found = found ?? broadcastTime(content(broadcastBytes))
            default: break
            }
            // A chunk of odd size is followed by one byte of padding.
            offset += 8 + size + size % 2
        }
        return found
    }

    /// Fields of an identifier, a length and a text; the field 5 is `2024-05-01 05:30:00+02:00`.
    static func wildlifeTime(_ content: [UInt8]) -> CivilTime? {
        var rest = content[...]
        while rest.count >= 6 {
            let head = Array(rest.prefix(6))
            let size = head[2...].reversed().reduce(0) { $0 << 8 | Int($1) }
            let text = rest.dropFirst(6).prefix(size)
            if head[0] == 5 && head[1] == 0 { return CivilTime(String(decoding: text, as: UTF8.self)) }
            rest = rest.dropFirst(6 + size)
        }
        return nil
    }

    /// `Recorded at 19:17:30 10/12/2018 (UTC+2) by AudioMoth ...`, with the day in front of the month.
    static func commentTime(_ list: [UInt8]) -> CivilTime? {
        guard text(list.prefix(4)) == "INFO" else { return nil }
        var rest = list.dropFirst(4)
        while rest.count >= 8 {
            let head = Array(rest.prefix(8))
            let size = head[4...].reversed().reduce(0) { $0 << 8 | Int($1) }
            if text(head.prefix(4)) == "ICMT" { return recorded(rest.dropFirst(8).prefix(size)) }
            rest = rest.dropFirst(8 + size + size % 2)
        }
        return nil
    }

    private static func recorded(_ comment: ArraySlice<UInt8>) -> CivilTime? {
        let start = Array("Recorded at ".utf8)
        guard comment.starts(with: start) else { return nil }
        var rest = Digits(comment.dropFirst(start.count))
        guard let hour = rest.number(2), rest.skip(":"), let minute = rest.number(2), rest.skip(":"),
            let second = rest.number(2)
        else { return nil }
        let nanosecond = rest.skip(".") ? rest.fraction() : 0
        guard let nanosecond, rest.skip(" "), let day = rest.number(2), rest.skip("/"),
            let month = rest.number(2), rest.skip("/"), let year = rest.number(4), rest.skip(" "),
            rest.skip("("), rest.skip("U"), rest.skip("T"), rest.skip("C"), let offset = rest.shortOffset()
        else { return nil }
        return CivilTime(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second,
            nanosecond: nanosecond, offsetSeconds: offset)
    }

    /// The line `Timestamp: 2024-05-01T05:30:00+02:00` of a GUANO text.
    static func guanoTime(_ text: String) -> CivilTime? {
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("Timestamp:") {
            return CivilTime(
                String(
                    line.dropFirst(10).drop { $0 == " " }.prefix { $0 != "\0" }.reversed().drop { $0 == " " }
                        .reversed()))
        }
        return nil
    }

    /// OriginationDate `2024-05-01` and OriginationTime `05:30:00`, with any mark between the numbers.
    static func broadcastTime(_ content: [UInt8]) -> CivilTime? {
        guard content.count >= broadcastBytes else { return nil }
        let marks: [UInt8] = Array(content[320..<338])
        func number(_ range: Range<Int>) -> Int? {
            var digits = Digits(marks[range])
            return digits.number(range.count)
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(10..<12), let minute = number(13..<15), let second = number(16..<18)
        else { return nil }
        return CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func bytes(of descriptor: Int32, at offset: Int, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            while filled < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, offset + filled)
                if got < 0 && errno == EINTR { continue }
                if got <= 0 { return }
                filled += got
            }
        }
    }
}
