public import TextSupport

/// How the audio source is.
public struct SourceRecord: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case healthy, lost, recovering, paused
    }

    public let state: State
    /// The source as it was asked for, such as `pulse:NAME`.
    public let name: String
    /// What went wrong, for people; nil when nothing did.
    public let message: String?

    public init(state: State, name: String, message: String? = nil) {
        self.state = state
        self.name = name
        self.message = message
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        state = try json.requiredWord("state", of: State.allCases)
        name = try json.requiredString("name")
        message = try json.string("message")
    }
}

extension SourceRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("state", state.rawValue)
        json.member("name", name)
        if let message { json.member("message", message) }
    }
}
