/// The reply to `reload`: what became of each adapter of the directory, and of those that are gone from it.
public struct ReloadReport: Sendable, Equatable {
    public var loaded: [String] = []
    /// The name was known, the content is new.
    public var replaced: [String] = []
    public var unchanged: [String] = []
    public var removed: [String] = []
    /// One sentence each.
    public var problems: [String] = []

    public init() {}

    /// - Throws: ``WireError`` when a member is of another type.
    public init(_ json: JSONObject) throws(WireError) {
        loaded = try json.strings("loaded") ?? []
        replaced = try json.strings("replaced") ?? []
        unchanged = try json.strings("unchanged") ?? []
        removed = try json.strings("removed") ?? []
        problems = try json.strings("problems") ?? []
    }
}

extension ReloadReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("loaded", strings: loaded)
        json.member("replaced", strings: replaced)
        json.member("unchanged", strings: unchanged)
        json.member("removed", strings: removed)
        json.member("problems", strings: problems)
    }
}
