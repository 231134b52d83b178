/// Reads one JSON text (RFC 8259), strictly and with bounded depth.
///
/// Stricter than the standard where a lenient reader would guess: a duplicate key in an object, a lone
/// surrogate and bytes that are not UTF-8 are refused.
struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private var valueCount = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse() throws(JSONError) -> JSONValue {
        let value = try parseValue(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fail("unexpected text after the value") }
        return value
    }

    // MARK: Values

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        valueCount += 1
        guard valueCount <= JSONValue.maximumCount else {
            throw fail("there are more than \(JSONValue.maximumCount) values")
        }
        guard let byte = peek() else { throw fail("a value is expected, but the text ends") }
        switch byte {
        case UInt8(ascii: "{"): return .object(try parseObject(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try parseArray(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try parseNumber())
        default: throw fail("a value is expected")
        }
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSONObject {
        guard depth <= JSONValue.maximumDepth else { throw .tooDeep(limit: JSONValue.maximumDepth) }
        position += 1
        var members: [String: JSONValue] = [:]
        var names: [String] = []
        if skip(UInt8(ascii: "}")) { return JSONObject() }
        repeat {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw fail("a key in quotes is expected") }
            let start = position
            let name = try parseString()
            guard skip(UInt8(ascii: ":")) else { throw fail("`:` is expected after a key") }
            let value = try parseValue(depth: depth)
            guard members.updateValue(value, forKey: name) == nil else {
                throw .notJSON(offset: start, reason: "duplicate key `\(JSONError.shortened(name))`")
            }
            names.append(name)
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw fail("`,` or `}` is expected") }
        return JSONObject(members, names: names)
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> [JSONValue] {
        guard depth <= JSONValue.maximumDepth else { throw .tooDeep(limit: JSONValue.maximumDepth) }
        position += 1
        var values: [JSONValue] = []
        if skip(UInt8(ascii: "]")) { return values }
        repeat {
            values.append(try parseValue(depth: depth))
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw fail("`,` or `]` is expected") }
        return values
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let expected = Array(word.description.utf8)
        guard bytes[position...].starts(with: expected) else { throw fail("a value is expected") }
        position += expected.count
        return value
    }

    private mutating func parseNumber() throws(JSONError) -> String {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if peek() == UInt8(ascii: "0") {
            position += 1
        } else {
            try skipDigits()
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            try skipDigits()
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try skipDigits()
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    // MARK: Strings

    private mutating func parseString() throws(JSONError) -> String {
        let opening = position
        position += 1
        // Stays empty while the text needs no change: then it is copied once.
        var unescaped: [UInt8] = []
        var start = position
        while let byte = peek() {
            if byte == UInt8(ascii: "\"") {
                let rest = bytes[start..<position]
                position += 1
                let string =
                    unescaped.isEmpty
                    ? String(validating: rest, as: UTF8.self)
                    : String(validating: unescaped + rest, as: UTF8.self)
                guard let string else { throw .notJSON(offset: opening, reason: "a string is not UTF-8") }
                return string
            }
            guard byte >= 0x20 else { throw fail("a control character in a string must be escaped") }
            if byte == UInt8(ascii: "\\") {
                unescaped.append(contentsOf: bytes[start..<position])
                position += 1
                unescaped.append(contentsOf: String(try parseEscape()).utf8)
                start = position
            } else {
                position += 1
            }
        }
        throw fail("a string does not end")
    }

    private mutating func parseEscape() throws(JSONError) -> Unicode.Scalar {
        guard let byte = peek() else { throw fail("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try parseCodePoint()
        default: throw fail("unknown escape in a string")
        }
    }

    private mutating func parseCodePoint() throws(JSONError) -> Unicode.Scalar {
        let unit = try parseHexUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, peek() == UInt8(ascii: "\\") else { throw fail("half of a surrogate pair") }
        position += 1
        guard peek() == UInt8(ascii: "u") else { throw fail("half of a surrogate pair") }
        position += 1
        let low = try parseHexUnit()
        guard (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { throw fail("half of a surrogate pair") }
        return scalar
    }

    private mutating func parseHexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fail("four hexadecimal digits are expected")
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    // MARK: Bytes

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek(),
            byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0B && byte != 0x0C)
        {
            position += 1
        }
    }

    /// Skips white space and, when it comes next, `byte`.
    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while let byte = peek(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw fail("a digit is expected") }
    }

    private func fail(_ reason: String) -> JSONError { .notJSON(offset: position, reason: reason) }
}
