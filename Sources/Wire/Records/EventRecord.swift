public import TextSupport

/// Where a sound began, as far as the scores show it: the end of its first hit is later.
public struct EventOnset: Sendable, Equatable {
    public let time: Timestamp
    /// Position in the stream.
    public let sample: Int64
    /// Nine of ten sounds begin within so many seconds of ``time``.
    public let uncertaintySeconds: Double

    public init(unixNanos: Int64, sample: Int64, uncertaintySeconds: Double) {
        self.init(
            time: Timestamp(unixNanos: unixNanos), sample: sample, uncertaintySeconds: uncertaintySeconds)
    }

    init(time: Timestamp, sample: Int64, uncertaintySeconds: Double) {
        self.time = time
        self.sample = sample
        self.uncertaintySeconds = uncertaintySeconds
    }
}

/// A sound began or ended.
public struct EventRecord: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case begin, end
    }

    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
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
    /// The estimated begin of the sound, the same in both records of an event. A daemon always sends it.
    public let onset: EventOnset?
    /// Windows from the first hit to the last active window so far, and how many of them were hits. A daemon
    /// always sends them.
    public let hits: Int?
    public let windows: Int?
    /// Highest score of the event so far.
    public let peakScore: Float
    /// Length of the event in seconds; 0 at its begin.
    public let duration: Double

    public init(
        source: String? = nil, state: State, id: String, seq: UInt64, label: String, adapter: String? = nil,
        unixNanos: Int64,
        startSample: Int64, endSample: Int64, onset: EventOnset? = nil, hits: Int? = nil,
        windows: Int? = nil, peakScore: Float, duration: Double
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
        self.onset = onset
        self.hits = hits
        self.windows = windows
        self.peakScore = peakScore
        self.duration = duration
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        state = try json.requiredWord("state", of: State.allCases)
        id = try json.requiredString("id")
        seq = try json.requiredInteger("seq", as: UInt64.self)
        label = try json.requiredString("label")
        adapter = try json.string("adapter")
        time = try json.requiredTimestamp("time")
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        endSample = try json.requiredInteger("end_sample", as: Int64.self)
        if let time = try json.timestamp("onset") {
            onset = EventOnset(
                time: time, sample: try json.requiredInteger("onset_sample", as: Int64.self),
                uncertaintySeconds: try json.requiredDouble("onset_uncertainty"))
        } else {
            onset = nil
        }
        hits = try json.integer("hits", as: Int.self)
        windows = try json.integer("windows", as: Int.self)
        peakScore = try json.float("peak_score") ?? .nan
        duration = try json.requiredDouble("duration")
    }
}

extension EventRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("state", state.rawValue)
        json.member("id", id)
        json.member("seq", seq)
        json.member("label", label)
        if let adapter { json.member("adapter", adapter) }
        json.member("time", time.description)
        json.member("start_sample", startSample)
        json.member("end_sample", endSample)
        if let onset {
            json.member("onset", onset.time.description)
            json.member("onset_sample", onset.sample)
            json.member("onset_uncertainty", seconds: onset.uncertaintySeconds)
        }
        if let hits { json.member("hits", hits) }
        if let windows { json.member("windows", windows) }
        json.member("peak_score", peakScore)
        json.member("duration", seconds: duration)
    }
}
