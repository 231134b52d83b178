public import TextSupport

/// The reply to `reload`: what happened to the settings, to each adapter of the directory, and to those that
/// were removed from it.
public struct ReloadReport: Sendable, Equatable {
    public var loaded: [String] = []
    /// Adapters whose content changed.
    public var replaced: [String] = []
    public var unchanged: [String] = []
    public var removed: [String] = []
    /// Settings that were applied, each as `name: before -> after`.
    public var changed: [String] = []
    /// Settings that take effect after a restart, in the same form.
    public var needsRestart: [String] = []
    /// Messages about changes that were applied in spite of them.
    public var warnings: [String] = []
    /// Messages about what was not applied.
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
