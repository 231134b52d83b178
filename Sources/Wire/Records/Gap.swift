public import TextSupport

/// A range of samples that were not captured or not classified.
public struct Gap: Sendable, Equatable {
    public enum Reason: String, Sendable, CaseIterable {
        /// The capture buffer was full.
        case overrun
        /// The source delivered nothing.
        case sourceLost = "source_lost"
        /// No window covers the samples: inference fell behind, or the windows restarted at a nearby gap.
        case skipped
        /// Capture was paused.
        case paused
    }

    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    /// First missing sample, counted from the start of the capture.
    public let startSample: Int64
    /// One past the last missing sample.
    public let endSample: Int64
    public let reason: Reason

    /// Its length. All streams have 16,000 samples per second.
    public var seconds: Double { Double(endSample - startSample) / 16_000 }

    public init(source: String? = nil, startSample: Int64, endSample: Int64, reason: Reason) {
        self.source = source
        self.startSample = startSample
        self.endSample = endSample
        self.reason = reason
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        endSample = try json.requiredInteger("end_sample", as: Int64.self)
        reason = try json.requiredWord("reason", of: Reason.allCases)
    }
}

extension Gap: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("start_sample", startSample)
        json.member("end_sample", endSample)
        json.member("reason", reason.rawValue)
    }
}
