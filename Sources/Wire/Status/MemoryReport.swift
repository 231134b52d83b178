public import TextSupport

/// Memory of a daemon in bytes.
public struct MemoryReport: Sendable, Equatable {
    /// Everything resident, the mapped model file included.
    public var rssBytes: UInt64
    /// What is the process's own and backed by no file.
    public var anonymousBytes: UInt64

    public init(rssBytes: UInt64, anonymousBytes: UInt64) {
        self.rssBytes = rssBytes
        self.anonymousBytes = anonymousBytes
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        rssBytes = try json.requiredInteger("rss_bytes", as: UInt64.self)
        anonymousBytes = try json.requiredInteger("anonymous_bytes", as: UInt64.self)
    }
}

extension MemoryReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("rss_bytes", rssBytes)
        json.member("anonymous_bytes", anonymousBytes)
    }
}
