internal import TextSupport

/// The `id` of a request; the reply carries the same.
public enum RPCIdentifier: Sendable, Equatable {
    case string(String)
    /// The digits as the client wrote them.
    case number(String)
    case null

    init(_ value: JSONValue) throws(JSONError) {
        switch value {
        case .string(let text): self = .string(text)
        case .number(let digits): self = .number(digits)
        case .null: self = .null
        default: throw .wrongType(field: "id", expected: "a string, a number or null")
        }
    }

    func write(to json: inout JSONWriter) {
        switch self {
        case .string(let text): json.string(text)
        case .number(let digits): json.raw(digits.utf8)
        case .null: json.null()
        }
    }
}
