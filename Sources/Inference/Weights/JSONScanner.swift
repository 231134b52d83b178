/// Reads JSON in one pass, keeping what a general decoder hides: duplicate keys, the order of keys, nesting
/// depth, and numbers that are not natural. It knows objects, strings and arrays of naturals;
/// anything else is skipped with bounded depth.
struct JSONScanner {
    let path: String
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    private static let maximumDepth = 16

    /// SAFETY: `bytes` must outlive the scanner; every read is checked against its count.
    init(_ bytes: UnsafeRawBufferPointer, path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// Calls `member` for every key with the scanner at the key's value.
    mutating func object(
        _ member: (String, inout JSONScanner) throws(ModelError) -> Void
    ) throws(ModelError) {
        try expect("{")
        if accept("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try member(key, &self)
        } while accept(",")
        try expect("}")
    }

    mutating func string() throws(ModelError) -> String {
        try expect("\"")
        var units: [UInt8] = []
        while true {
            let byte = try next()
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: units, as: UTF8.self) else {
                    throw bad("text is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &units)
            case 0..<0x20: throw bad("control character in a string")
            default: units.append(byte)
            }
        }
    }

    /// An array of at most `limit` integers, each in 0..<2^53.
    mutating func naturals(atMost limit: Int) throws(ModelError) -> [Int] {
        try expect("[")
        var values: [Int] = []
        if accept("]") { return values }
        repeat {
            guard values.count < limit else { throw bad("more than \(limit) numbers in an array") }
            values.append(try natural())
        } while accept(",")
        try expect("]")
        return values
    }

    /// Whether the next value is an object.
    mutating func isAtObject() -> Bool {
        skipSpace()
        return peek() == UInt8(ascii: "{")
    }

    /// The next value as it is written.
    mutating func valueText() throws(ModelError) -> String {
        skipSpace()
        let start = position
        try skipValue()
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    mutating func skipValue() throws(ModelError) { try skipValue(depth: 0) }

    /// Nothing but white space may follow the outer object.
    mutating func end() throws(ModelError) {
        skipSpace()
        guard position == bytes.count else { throw bad("text after the object") }
    }

    private mutating func skipValue(depth: Int) throws(ModelError) {
        guard depth < Self.maximumDepth else { throw bad("nested deeper than \(Self.maximumDepth)") }
        skipSpace()
        switch peek() {
        case UInt8(ascii: "{"):
            var keys: Set<String> = []
            try object { key, scanner throws(ModelError) in
                guard keys.insert(key).inserted else { throw scanner.bad("key \(key) stands there twice") }
                try scanner.skipValue(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            try expect("[")
            if accept("]") { return }
            repeat { try skipValue(depth: depth + 1) } while accept(",")
            try expect("]")
        case UInt8(ascii: "\""): _ = try string()
        default:
            let start = position
            while let byte = peek(), byte.isScalarCharacter { position += 1 }
            guard position > start else { throw bad("a value is missing") }
        }
    }

    private mutating func natural() throws(ModelError) -> Int {
        skipSpace()
        var value = 0
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            guard value < 1 << 53 else { throw bad("a number is too large") }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            position += 1
        }
        guard position > start else { throw bad("a number is not natural") }
        return value
    }

    private mutating func escape(into units: inout [UInt8]) throws(ModelError) {
        switch try next() {
        case UInt8(ascii: "n"): units.append(0x0A)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "r"): units.append(0x0D)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0C)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code) {
                // The first half of a pair; a half alone is no character.
                guard try next() == UInt8(ascii: "\\"), try next() == UInt8(ascii: "u") else {
                    throw bad("half a surrogate pair")
                }
                let second = try hexadecimal()
                guard (0xDC00..<0xE000).contains(second) else { throw bad("half a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (second - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw bad("a \\u escape is no character") }
            units.append(contentsOf: Array(String(Character(scalar)).utf8))
        case let byte
        where byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "/"):
            units.append(byte)
        default: throw bad("unknown escape in a string")
        }
    }

    /// The four digits of a `\u` escape.
    private mutating func hexadecimal() throws(ModelError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(try next())).hexDigitValue else {
                throw bad("a \\u escape is not hexadecimal")
            }
            code = code << 4 | UInt32(digit)
        }
        return code
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func next() throws(ModelError) -> UInt8 {
        guard let byte = peek() else { throw bad("it ends too early") }
        position += 1
        return byte
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(ModelError) {
        guard accept(character) else { throw bad("'\(character)' expected at byte \(position)") }
    }

    func bad(_ problem: String) -> ModelError {
        .malformed(path: path, problem: "JSON is not valid: \(problem)")
    }
}

extension UInt8 {
    /// Part of a number, true, false or null.
    fileprivate var isScalarCharacter: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "E"):
            true
        default: false
        }
    }
}
