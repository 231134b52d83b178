public import TextSupport

/// The sound of a tenth of a second as a coarse picture, for a spectrogram.
///
/// No client receives it without asking for this type, and the daemon sends it only where its settings say
/// so. Ten columns per second with 64 levels in whole decibels have no phase, no pitch and no syllables:
/// speech cannot be rebuilt from them.
public struct SpectrumRecord: Sendable, Equatable {
    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    /// Time of the last sample.
    public let time: Timestamp
    public let startSample: Int64
    /// One past the last sample.
    public let endSample: Int64
    /// By band, evenly spaced on the mel scale from 20 Hz to 8 kHz, the lowest first: dB, where a tone at
    /// full scale has about 0.
    public let levels: [Int]

    public init(
        source: String? = nil, unixNanos: Int64, startSample: Int64, endSample: Int64, levels: [Int]
    ) {
        self.source = source
        self.time = Timestamp(unixNanos: unixNanos)
        self.startSample = startSample
        self.endSample = endSample
        self.levels = levels
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        time = try json.requiredTimestamp("time")
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        endSample = try json.requiredInteger("end_sample", as: Int64.self)
        guard case .array(let values)? = json["levels"] else {
            throw .wrongType(field: "levels", expected: "an array of whole numbers")
        }
        var levels: [Int] = []
        for value in values {
            guard case .number(let digits) = value, let level = Int(digits) else {
                throw .wrongType(field: "levels", expected: "an array of whole numbers")
            }
            levels.append(level)
        }
        self.levels = levels
    }
}

extension SpectrumRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("time", time.description)
        json.member("start_sample", startSample)
        json.member("end_sample", endSample)
        json.key("levels")
        json.array { json in for level in levels { json.integer(level) } }
    }
}
