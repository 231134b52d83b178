/// Why a text is not JSON, or a JSON value is not the expected one.
public enum JSONError: Error, Equatable, Sendable {
    /// The text is not JSON; `offset` counts bytes from the start of the text.
    case notJSON(offset: Int, reason: String)
    /// Arrays and objects are nested deeper than `limit`.
    case tooDeep(limit: Int)
    /// A required member is absent.
    case missing(field: String)
    /// A member is not `expected`.
    case wrongType(field: String, expected: String)
    /// A member has a value that this version does not know.
    case unknownValue(field: String, value: String)
    /// A request has a parameter that its method does not accept; `accepted` lists those that it accepts.
    case unknownParameter(String, method: String, accepted: String)
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notJSON(let offset, let reason): "not JSON at byte \(offset): \(reason)"
        case .tooDeep(let limit): "JSON nested deeper than \(limit) levels"
        case .missing(let field): "`\(field)` is missing"
        case .wrongType(let field, let expected):
            // The whole text has no name.
            field.hasPrefix("the ") ? "\(field) must be \(expected)" : "`\(field)` must be \(expected)"
        case .unknownValue(let field, let value): "unknown `\(field)` `\(value)`"
        case .unknownParameter(let name, let method, let accepted):
            "unknown parameter `\(name)`; `\(method)` accepts \(accepted)"
        }
    }
}

extension JSONError {
    /// At most 60 characters of a text from outside, without control characters, for a message of one line.
    package static func shortened(_ text: String) -> String {
        let printable = text.prefix(60).map { character in
            character.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } ? "\u{FFFD}" : character
        }
        return String(printable) + (text.count > 60 ? "…" : "")
    }
}
