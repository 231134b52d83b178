public import TextSupport

/// Which adapters classify from now on.
public struct AdapterRecord: Sendable, Equatable {
    /// The first; nil when that is the model as it was published.
    public let active: String?
    /// All of them; ``baseName`` stands for the model as it was published.
    public let adapters: [String]

    public static let baseName = "base"

    /// - Parameter adapters: In the order in which each window is classified; nil for the published model.
    public init(adapters: [String?]) {
        active = adapters.first ?? nil
        self.adapters = adapters.map { $0 ?? Self.baseName }
    }

    /// - Throws: ``JSONError`` when a member is of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        active = try json.string("active")
        adapters = try json.strings("adapters") ?? [active ?? Self.baseName]
    }
}

extension AdapterRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("active", active)
        json.member("adapters", strings: adapters)
    }
}
