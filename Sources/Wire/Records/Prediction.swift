public import TextSupport

/// The scores of one window of the live stream.
public struct Prediction: Sendable, Equatable {
    /// Name of the source in the settings; nil for a single source without a name.
    public var source: String?
    /// The channel of a source with `channel: each`, counted from 1; otherwise nil.
    public var channel: Int?
    /// Number of the prediction since the daemon started, from 1; all sources share the series.
    public let seq: UInt64
    /// Capture time of the last sample of the window.
    public let time: Timestamp
    /// First sample of the window, counted from the start of the capture.
    public let startSample: Int64
    /// One past the last sample of the window.
    public let endSample: Int64
    /// Level in dB relative to full scale of the samples that arrived since the previous window; nil for
    /// digital silence.
    public let levelDBFS: Double?
    /// Time from the capture of the last sample to this record, in milliseconds.
    public let latencyMs: Double
    /// Duration of the forward pass in milliseconds; nil without one.
    public let passMs: Double?
    /// Name of the adapter that the labels belong to; nil for the base model.
    public let adapter: String?
    /// Whether the window was too quiet to be classified; it has no labels then.
    public let isGated: Bool
    /// Best first.
    public let labels: [ScoredLabel]

    public init(
        source: String? = nil, seq: UInt64, unixNanos: Int64, startSample: Int64, endSample: Int64,
        levelDBFS: Double?, latencyMs: Double, passMs: Double? = nil, adapter: String?, isGated: Bool = false,
        labels: [ScoredLabel]
    ) {
        self.source = source
        self.seq = seq
        self.time = Timestamp(unixNanos: unixNanos)
        self.startSample = startSample
        self.endSample = endSample
        self.levelDBFS = levelDBFS
        self.latencyMs = latencyMs
        self.passMs = passMs
        self.adapter = adapter
        self.isGated = isGated
        self.labels = labels
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        channel = try json.integer("channel", as: Int.self)
        seq = try json.requiredInteger("seq", as: UInt64.self)
        time = try json.requiredTimestamp("time")
        startSample = try json.requiredInteger("start_sample", as: Int64.self)
        endSample = try json.requiredInteger("end_sample", as: Int64.self)
        levelDBFS = try json.double("level_dbfs")
        latencyMs = try json.requiredDouble("latency_ms")
        passMs = try json.double("pass_ms")
        adapter = try json.string("adapter")
        isGated = try json.bool("gated") ?? false
        labels = try json.requiredRecords("labels") { json throws(JSONError) in try ScoredLabel(json) }
    }

    /// The same prediction with other labels.
    public func with(labels: [ScoredLabel]) -> Prediction {
        var other = Prediction(
            source: source, seq: seq, unixNanos: time.unixNanos, startSample: startSample,
            endSample: endSample,
            levelDBFS: levelDBFS, latencyMs: latencyMs, passMs: passMs, adapter: adapter, isGated: isGated,
            labels: labels)
        other.channel = channel
        return other
    }
}

extension Prediction: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        if let channel { json.member("channel", channel) }
        json.member("seq", seq)
        json.member("time", time.description)
        json.member("start_sample", startSample)
        json.member("end_sample", endSample)
        json.member("level_dbfs", levelDBFS, decimals: 1)
        json.member("latency_ms", latencyMs, decimals: 1)
        if let passMs { json.member("pass_ms", passMs, decimals: 1) }
        json.member("adapter", adapter)
        if isGated { json.member("gated", true) }
        json.member("labels", labels)
    }
}

/// A label of a model and its score.
public struct ScoredLabel: Sendable, Equatable {
    /// Position of the label in the model's output, from 0.
    public let index: Int
    /// The label as the model names it.
    public let label: String
    /// Score after the activation, 0…1 unless raw logits were requested. NaN is written as `null`.
    public let score: Float

    public init(index: Int, label: String, score: Float) {
        self.index = index
        self.label = label
        self.score = score
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        index = try json.requiredInteger("index", as: Int.self)
        label = try json.requiredString("label")
        score = try json.float("score") ?? .nan
    }
}

extension ScoredLabel: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("index", index)
        json.member("label", label)
        json.member("score", score)
    }
}
