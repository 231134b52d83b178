/// A JSON value as it was read.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// The digits as they were written; the reader of the value chooses the type, so no digit is lost before.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Deepest nesting of arrays and objects that is read.
    public static let maximumDepth = 32
    /// Most values in one text. A value takes up to a few hundred bytes of memory for two bytes of text.
    public static let maximumCount = 500_000

    /// Reads one JSON value; only white space may surround it.
    ///
    /// - Throws: ``JSONError/notJSON(offset:reason:)`` or ``JSONError/tooDeep(limit:)``.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        var parser = JSONParser(bytes)
        self = try parser.parse()
    }

    /// The value as JSON in one line.
    public var text: String { String(decoding: JSONText { write(to: &$0) }.bytes, as: UTF8.self) }

    /// Writes the value as it was read.
    public func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .bool(let flag): json.bool(flag)
        case .number(let digits): json.raw(digits.utf8)
        case .string(let text): json.string(text)
        case .array(let values):
            json.array { json in
                for value in values { value.write(to: &json) }
            }
        case .object(let object): object.write(to: &json)
        }
    }
}
