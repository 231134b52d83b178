public import TextSupport

/// The reply to `sources`: what could be listened to.
public struct SourceList: Sendable, Equatable {
    /// One source.
    public struct Entry: Sendable, Equatable {
        /// What to give `--source`, such as `pulse:NAME`.
        public let name: String
        /// What people call it; nil when it has no other name.
        public let description: String?
        /// Whether the daemon listens to it now.
        public let isActive: Bool

        public init(name: String, description: String?, isActive: Bool) {
            self.name = name
            self.description = description
            self.isActive = isActive
        }

        /// - Throws: ``JSONError`` when a member is missing or of another type.
        public init(_ json: JSONObject) throws(JSONError) {
            name = try json.requiredString("name")
            description = try json.string("description")
            isActive = try json.bool("active") ?? false
        }
    }

    public let sources: [Entry]

    public init(sources: [Entry]) {
        self.sources = sources
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        sources = try json.requiredRecords("sources") { json throws(JSONError) in try Entry(json) }
    }
}

extension SourceList.Entry: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("name", name)
        json.member("description", description)
        json.member("active", isActive)
    }
}

extension SourceList: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("sources", sources)
    }
}
