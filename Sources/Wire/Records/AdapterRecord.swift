public import TextSupport

/// The variants that classify from the next window on.
public struct AdapterRecord: Sendable, Equatable {
    /// Name of the source, in several; nil: all that have no record of their own behind this one.
    public let source: String?
    /// Name of the first adapter; nil for the base model.
    public let active: String?
    /// All active variants; ``baseName`` is the base model.
    public let adapters: [String]

    /// Name of the model without an adapter.
    public static let baseName = "base"

    /// - Parameter adapters: In the order in which each window is classified; nil for the base model.
    public init(source: String? = nil, adapters: [String?]) {
        self.source = source
        active = adapters.first ?? nil
        self.adapters = adapters.map { $0 ?? Self.baseName }
    }

    /// - Throws: ``JSONError`` when a member is of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        active = try json.string("active")
        adapters = try json.strings("adapters") ?? [active ?? Self.baseName]
    }
}

extension AdapterRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        json.member("active", active)
        json.member("adapters", strings: adapters)
    }
}
