/// Which adapter is active from now on.
public struct AdapterRecord: Sendable, Equatable {
    /// Its name; nil when the model runs as it was published.
    public let active: String?

    public init(active: String?) {
        self.active = active
    }

    /// - Throws: ``WireError`` when the member is of another type.
    public init(_ json: JSONObject) throws(WireError) {
        active = try json.string("active")
    }
}

extension AdapterRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("active", active)
    }
}
