public import TextSupport

/// How many records this client missed, at this place in its stream, because it read too slowly.
public struct Lost: Sendable, Equatable {
    public let count: UInt64

    public init(count: UInt64) {
        self.count = count
    }

    /// - Throws: ``JSONError`` when the member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        count = try json.requiredInteger("count", as: UInt64.self)
    }
}

extension Lost: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("count", count)
    }
}
