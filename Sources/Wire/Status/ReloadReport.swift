public import TextSupport

/// The reply to `reload`: what became of the settings, of each adapter of the directory, and of
/// those that are gone from it.
public struct ReloadReport: Sendable, Equatable {
    public var loaded: [String] = []
    /// The name was known, the content is new.
    public var replaced: [String] = []
    public var unchanged: [String] = []
    public var removed: [String] = []
    /// Settings that are in force from now on, `name: before -> after` each.
    public var changed: [String] = []
    /// Settings that cannot change at run time, in the same form.
    public var needsRestart: [String] = []
    /// One sentence each; what they are about was done all the same.
    public var warnings: [String] = []
    /// One sentence each.
    public var problems: [String] = []

    public init() {}

    /// - Throws: ``JSONError`` when a member is of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        loaded = try json.strings("loaded") ?? []
        replaced = try json.strings("replaced") ?? []
        unchanged = try json.strings("unchanged") ?? []
        removed = try json.strings("removed") ?? []
        changed = try json.strings("changed") ?? []
        needsRestart = try json.strings("needs_restart") ?? []
        warnings = try json.strings("warnings") ?? []
        problems = try json.strings("problems") ?? []
    }
}

extension ReloadReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("loaded", strings: loaded)
        json.member("replaced", strings: replaced)
        json.member("unchanged", strings: unchanged)
        json.member("removed", strings: removed)
        json.member("changed", strings: changed)
        json.member("needs_restart", strings: needsRestart)
        json.member("warnings", strings: warnings)
        json.member("problems", strings: problems)
    }
}
