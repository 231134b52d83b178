public import TextSupport

/// An event in progress, in the reply to `status`.
public struct ActiveEvent: Sendable, Equatable {
    /// Name of the source; nil for a single source without a name.
    public var source: String?
    /// As in its ``EventRecord``.
    public var id: String
    public var label: String
    /// Name of the adapter that the label belongs to; nil for the base model.
    public var adapter: String?
    public var begin: Timestamp
    /// Where it began, as ``EventRecord/startSample``.
    public var startSample: Int64
    /// Highest score so far.
    public var peakScore: Float

    public init(
        source: String? = nil, id: String, label: String, adapter: String?, begin: Timestamp,
        startSample: Int64, peakScore: Float
    ) {
        self.source = source
        self.id = id
        self.label = label
        self.adapter = adapter
        self.begin = begin
        self.startSample = startSample
        self.peakScore = peakScore
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        id = try json.requiredString("id")
        label = try json.requiredString("label")
        adapter = try json.string("adapter")
        begin = try json.requiredTimestamp("begin")
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        peakScore = try json.float("peak_score") ?? .nan
    }
}

extension ActiveEvent: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        json.member("id", id)
        json.member("label", label)
        if let adapter { json.member("adapter", adapter) }
        json.member("begin", begin.description)
        json.member("start_sample", startSample)
        json.member("peak_score", peakScore)
    }
}
