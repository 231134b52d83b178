public import TextSupport

/// The state of the audio source.
public struct SourceRecord: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        /// Samples arrive.
        case healthy
        /// Samples do not arrive; the daemon looks for the source.
        case lost
        /// The source is connected; the first samples have not arrived.
        case recovering
        /// Capture is paused.
        case paused
        /// The file or stream was read to its end, or the source was removed from the settings; the other
        /// sources go on.
        case ended
    }

    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    public let state: State
    /// The source as `--source` accepts it, such as `pulse:NAME`.
    public let name: String
    /// The reason of the state, for people. A healthy source has one if its sound is not, or not completely,
    /// classified: digital silence, everything below the gate, windows skipped.
    public let message: String?

    public init(source: String? = nil, state: State, name: String, message: String? = nil) {
        self.source = source
        self.state = state
        self.name = name
        self.message = message
    }

    /// Whether all sound is captured and classified.
    public var isFine: Bool { state == .healthy && message == nil }

    /// The state and its reason, for people.
    public var sentence: String {
        let reason = message.map { ": " + $0 } ?? ""
        let subject = source.map { "\($0) (\(name))" } ?? name
        return "source \(subject) \(state == .ended ? "has" : "is") \(state.rawValue)\(reason)"
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        state = try json.requiredWord("state", of: State.allCases)
        name = try json.requiredString("name")
        message = try json.string("message")
    }
}

extension SourceRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("state", state.rawValue)
        json.member("name", name)
        if let message { json.member("message", message) }
    }
}
