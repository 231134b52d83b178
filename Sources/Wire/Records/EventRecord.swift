public import TextSupport

/// A sound began or ended.
public struct EventRecord: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case begin, end
    }

    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    public let state: State
    /// The same at the begin and the end of an event, and unique over all runs: ``RunID/eventID(_:)``.
    public let id: String
    /// Number of the last prediction that was published before this record.
    public let seq: UInt64
    /// The label as the model names it.
    public let label: String
    /// Name of the adapter that the label belongs to; nil for the base model.
    public let adapter: String?
    /// Time of the begin or the end.
    public let time: Timestamp
    /// Where the event began: one past the last sample of its first hit.
    public let startSample: Int64
    /// Where it ended: one past the last sample of its last active window. At the begin, ``startSample``.
    public let endSample: Int64
    /// Highest score of the event so far.
    public let peakScore: Float
    /// Length of the event in seconds; 0 at its begin.
    public let duration: Double

    public init(
        source: String? = nil, state: State, id: String, seq: UInt64, label: String, adapter: String? = nil,
        unixNanos: Int64,
        startSample: Int64, endSample: Int64, peakScore: Float, duration: Double
    ) {
        self.source = source
        self.state = state
        self.id = id
        self.seq = seq
        self.label = label
        self.adapter = adapter
        self.time = Timestamp(unixNanos: unixNanos)
        self.startSample = startSample
        self.endSample = endSample
        self.peakScore = peakScore
        self.duration = duration
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        state = try json.requiredWord("state", of: State.allCases)
        id = try json.requiredString("id")
        seq = try json.requiredInteger("seq", as: UInt64.self)
        label = try json.requiredString("label")
        adapter = try json.string("adapter")
        time = try json.requiredTimestamp("time")
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        endSample = try json.requiredInteger("end_sample", as: Int64.self)
        peakScore = try json.float("peak_score") ?? .nan
        duration = try json.requiredDouble("duration")
    }
}

extension EventRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        json.member("state", state.rawValue)
        json.member("id", id)
        json.member("seq", seq)
        json.member("label", label)
        if let adapter { json.member("adapter", adapter) }
        json.member("time", time.description)
        json.member("start_sample", startSample)
        json.member("end_sample", endSample)
        json.member("peak_score", peakScore)
        json.member("duration", seconds: duration)
    }
}
