public import TextSupport

/// The reply to `sources`: the sources that the daemon can capture from.
public struct SourceList: Sendable, Equatable {
    /// One source.
    public struct Entry: Sendable, Equatable {
        /// The source as `--source` accepts it, such as `pulse:NAME`.
        public let name: String
        /// Its description for people; nil when it has none.
        public let description: String?
        /// Whether the daemon captures from it now.
        public let isActive: Bool
        /// The names in the settings of the sources that capture from it; empty for a source without a name.
        public let sources: [String]

        public init(name: String, description: String?, isActive: Bool, sources: [String] = []) {
            self.sources = sources
            self.name = name
            self.description = description
            self.isActive = isActive
        }

        /// - Throws: ``JSONError`` when a member is missing or of another type.
        public init(_ json: JSONObject) throws(JSONError) {
            name = try json.requiredString("name")
            description = try json.string("description")
            isActive = try json.bool("active") ?? false
            sources = try json.strings("sources") ?? []
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
        if !sources.isEmpty { json.member("sources", strings: sources) }
    }
}

extension SourceList: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("sources", sources)
    }
}

/// The reply to `labels`: every label of the model, in the order of its output.
public struct LabelList: Sendable, Equatable {
    public let labels: [String]

    public init(labels: [String]) {
        self.labels = labels
    }

    /// - Throws: ``JSONError`` when the member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        guard let labels = try json.strings("labels") else { throw .missing(field: "labels") }
        self.labels = labels
    }
}

extension LabelList: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("labels", strings: labels)
    }
}
