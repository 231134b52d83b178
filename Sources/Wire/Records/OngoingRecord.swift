public import TextSupport

/// An event continues: the setting `repeat_after` has passed since its begin, or since the last such record.
public struct OngoingRecord: Sendable, Equatable {
    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    /// The event, as in its ``EventRecord``s.
    public let id: String
    /// Number of the last prediction that was published before this record.
    public let seq: UInt64
    public let label: String
    /// Name of the adapter that the label belongs to; nil for the base model.
    public let adapter: String?
    /// Time of the last active window's end.
    public let time: Timestamp
    /// Where the event began: one past the last sample of its first hit.
    public let startSample: Int64
    /// One past the last sample of its last active window.
    public let endSample: Int64
    /// Windows from the first hit to the last active one, and how many of them were hits.
    public let hits: Int
    public let windows: Int
    /// Highest score of the event so far.
    public let peakScore: Float
    /// Length of the event so far in seconds.
    public let duration: Double

    public init(
        source: String? = nil, id: String, seq: UInt64, label: String, adapter: String? = nil,
        unixNanos: Int64, startSample: Int64, endSample: Int64, hits: Int, windows: Int, peakScore: Float,
        duration: Double
    ) {
        self.source = source
        self.id = id
        self.seq = seq
        self.label = label
        self.adapter = adapter
        self.time = Timestamp(unixNanos: unixNanos)
        self.startSample = startSample
        self.endSample = endSample
        self.hits = hits
        self.windows = windows
        self.peakScore = peakScore
        self.duration = duration
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        id = try json.requiredString("id")
        seq = try json.requiredInteger("seq", as: UInt64.self)
        label = try json.requiredString("label")
        adapter = try json.string("adapter")
        time = try json.requiredTimestamp("time")
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        endSample = try json.requiredInteger("end_sample", as: Int64.self)
        hits = try json.requiredInteger("hits", as: Int.self)
        windows = try json.requiredInteger("windows", as: Int.self)
        peakScore = try json.float("peak_score") ?? .nan
        duration = try json.requiredDouble("duration")
    }
}

extension OngoingRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("id", id)
        json.member("seq", seq)
        json.member("label", label)
        if let adapter { json.member("adapter", adapter) }
        json.member("time", time.description)
        json.member("start_sample", startSample)
        json.member("end_sample", endSample)
        json.member("hits", hits)
        json.member("windows", windows)
        json.member("peak_score", peakScore)
        json.member("duration", seconds: duration)
    }
}
