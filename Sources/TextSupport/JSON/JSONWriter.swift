/// Writes JSON with the members in the order they are given, without any line break.
///
/// The writer cannot fail: a number that JSON cannot represent (NaN, infinity) becomes `null`. It places the
/// commas; the caller writes a `member` only inside an object.
public struct JSONWriter: Sendable {
    /// The UTF-8 text so far.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(reservingCapacity capacity: Int = 512) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Containers

    /// Writes `{…}` around what `fill` writes.
    public mutating func object(_ fill: (inout JSONWriter) -> Void) {
        enclose("{", "}", fill)
    }

    /// Writes `[…]` around what `fill` writes.
    public mutating func array(_ fill: (inout JSONWriter) -> Void) {
        enclose("[", "]", fill)
    }

    /// Writes `"name":`; the next value belongs to it.
    public mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Values

    public mutating func null() { word("null") }

    public mutating func bool(_ value: Bool) { word(value ? "true" : "false") }

    public mutating func integer(_ value: some BinaryInteger) { word(String(value)) }

    /// Writes the fewest digits that read back as the same Float.
    public mutating func number(_ value: Float) {
        word(value.isFinite ? value.description : "null")
    }

    /// Writes the fewest digits that read back as the same Double.
    public mutating func number(_ value: Double) {
        word(value.isFinite ? value.description : "null")
    }

    /// Writes `value` rounded to exactly `decimals` digits (0…9) after the point.
    public mutating func number(_ value: Double, decimals: Int) {
        word(FixedDecimals.text(value, decimals: decimals) ?? "null")
    }

    /// Writes `value` in seconds, rounded to the microsecond and then as short as it reads back.
    public mutating func seconds(_ value: Double) {
        let rounded = (value * 1e6).rounded() / 1e6
        number(rounded.isFinite ? rounded : value)
    }

    /// Writes a quoted string: control characters, U+2028 and U+2029 are escaped, the rest stays UTF-8.
    public mutating func string(_ value: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for scalar in value.unicodeScalars { append(scalar) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes JSON text unchanged.
    public mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// Ends the line; only another line may follow.
    public mutating func newline() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: Inside

    private mutating func enclose(
        _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ fill: (inout Self) -> Void
    ) {
        separate()
        bytes.append(UInt8(ascii: open))
        needsComma = false
        fill(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func word(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes.append(contentsOf: "\\\"".utf8)
        case "\\": bytes.append(contentsOf: "\\\\".utf8)
        case "\n": bytes.append(contentsOf: "\\n".utf8)
        case "\r": bytes.append(contentsOf: "\\r".utf8)
        case "\t": bytes.append(contentsOf: "\\t".utf8)
        // C0, DEL and C1 could drive a terminal; the two separators end a line in JavaScript.
        case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
            let digits = String(scalar.value, radix: 16)
            bytes.append(contentsOf: "\\u".utf8)
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
            bytes.append(contentsOf: digits.utf8)
        default:
            if scalar.isASCII {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                bytes.append(contentsOf: String(scalar).utf8)
            }
        }
    }
}
