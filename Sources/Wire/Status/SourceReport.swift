public import TextSupport

/// The source a daemon listens to.
public struct SourceReport: Sendable, Equatable {
    public var state: SourceRecord.State
    /// The source as it was asked for, such as `pulse:NAME`.
    public var name: String

    public init(state: SourceRecord.State, name: String) {
        self.state = state
        self.name = name
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        state = try json.requiredWord("state", of: SourceRecord.State.allCases)
        name = try json.requiredString("name")
    }
}

extension SourceReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("state", state.rawValue)
        json.member("name", name)
    }
}
