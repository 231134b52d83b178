public import TextSupport

/// A source became louder than the settings say, or quiet again.
public struct LevelRecord: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case begin, end
    }

    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    public let state: State
    /// Time of the begin or the end.
    public let time: Timestamp
    /// The first sample of the sound whose level reached the limit.
    public let startSample: Int64
    /// One past the last sample whose level was measured.
    public let endSample: Int64
    /// The highest level so far, in dB relative to full scale.
    public let levelDBFS: Double
    /// From ``startSample`` to ``endSample`` in seconds.
    public let duration: Double

    public init(
        source: String? = nil, state: State, unixNanos: Int64, startSample: Int64, endSample: Int64,
        levelDBFS: Double, duration: Double
    ) {
        self.source = source
        self.state = state
        self.time = Timestamp(unixNanos: unixNanos)
        self.startSample = startSample
        self.endSample = endSample
        self.levelDBFS = levelDBFS
        self.duration = duration
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        state = try json.requiredWord("state", of: State.allCases)
        time = try json.requiredTimestamp("time")
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        endSample = try json.requiredInteger("end_sample", as: Int64.self)
        levelDBFS = try json.requiredDouble("level_dbfs")
        duration = try json.requiredDouble("duration")
    }
}

extension LevelRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("state", state.rawValue)
        json.member("time", time.description)
        json.member("start_sample", startSample)
        json.member("end_sample", endSample)
        json.member("level_dbfs", levelDBFS, decimals: 1)
        json.member("duration", seconds: duration)
    }
}
