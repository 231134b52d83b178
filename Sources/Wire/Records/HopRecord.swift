public import TextSupport

/// The hop of a source with `hop: auto` or `cpu_limit` has changed.
public struct HopRecord: Sendable, Equatable {
    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    /// Time of the last sample of the window after which it changed.
    public let time: Timestamp
    /// From the start of one window to the start of the next.
    public let hopSeconds: Double
    public let previousSeconds: Double
    /// Duration of the forward passes of the last window; nil where none was measured.
    public let passMs: Double?

    public init(
        source: String? = nil, unixNanos: Int64, hopSeconds: Double, previousSeconds: Double, passMs: Double?
    ) {
        self.source = source
        time = Timestamp(unixNanos: unixNanos)
        self.hopSeconds = hopSeconds
        self.previousSeconds = previousSeconds
        self.passMs = passMs
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        time = try json.requiredTimestamp("time")
        hopSeconds = try json.requiredDouble("hop")
        previousSeconds = try json.requiredDouble("previous")
        passMs = try json.double("pass_ms")
    }
}

extension HopRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("time", time.description)
        json.member("hop", seconds: hopSeconds)
        json.member("previous", seconds: previousSeconds)
        if let passMs { json.member("pass_ms", passMs, decimals: 1) }
    }
}
