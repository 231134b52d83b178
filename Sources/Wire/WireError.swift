/// Why bytes or a JSON value are not what the protocol asks for.
public enum WireError: Error, Equatable, Sendable {
    /// The text is not JSON; `offset` counts bytes from the start of the text.
    case notJSON(offset: Int, reason: String)
    /// Arrays and objects are nested deeper than `limit`.
    case tooDeep(limit: Int)
    /// A required member is absent.
    case missing(field: String)
    /// A member is there but is not `expected`.
    case wrongType(field: String, expected: String)
    /// A record whose `type` this version does not know.
    case unknownType(String)
}

extension WireError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notJSON(let offset, let reason): "not JSON at byte \(offset): \(reason)"
        case .tooDeep(let limit): "JSON nested deeper than \(limit) levels"
        case .missing(let field): "`\(field)` is missing"
        case .wrongType(let field, let expected): "`\(field)` must be \(expected)"
        case .unknownType(let type): "unknown record type `\(type)`"
        }
    }
}
