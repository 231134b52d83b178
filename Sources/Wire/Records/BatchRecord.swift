public import TextSupport

/// The scores of one window of a file.
///
/// A path is written as text: bytes that are not UTF-8 become `\xHH` (docs/batch.md, "Names").
public struct BatchRecord: Sendable, Equatable {
    public let file: String
    /// Start of the window in seconds from the start of the file.
    public let start: Double
    /// End of the window in seconds, never past the end of the file.
    public let end: Double
    /// The file's channel, counted from 1; nil for the mean of all.
    public let channel: Int?
    /// Name of the adapter that the labels belong to; nil when only one variant classifies.
    public let adapter: String?
    /// How the scores of all windows of the file were combined, `mean` or `max`; nil for the scores of one
    /// window.
    public let aggregate: String?
    /// Best first.
    public let labels: [ScoredLabel]
    /// Clock times of ``start`` and ``end`` (RFC 3339, with the offset from UTC); nil when it is not known
    /// when the recording began.
    public var startTime: String?
    public var endTime: String?

    public init(
        file: String, start: Double, end: Double, channel: Int? = nil, adapter: String? = nil,
        aggregate: String? = nil, labels: [ScoredLabel]
    ) {
        self.file = file
        self.start = start
        self.end = end
        self.channel = channel
        self.adapter = adapter
        self.aggregate = aggregate
        self.labels = labels
    }
}

extension BatchRecord {
    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        file = try json.requiredString("file")
        start = try json.requiredDouble("start")
        end = try json.requiredDouble("end")
        channel = try json.integer("channel", as: Int.self)
        adapter = try json.string("adapter")
        aggregate = try json.string("aggregate")
        labels = try json.requiredRecords("labels") { json throws(JSONError) in try ScoredLabel(json) }
        startTime = try json.string("start_time")
        endTime = try json.string("end_time")
    }

    /// One line for people, without a line break.
    public var sentence: String {
        let scores = labels.map { entry in
            "\(entry.label) \(FixedDecimals.text(Double(entry.score), decimals: 3) ?? "?")"
        }
        var span = "\(Self.time(start)) - \(Self.time(end))"
        if let startTime { span += "  \(startTime)" }
        if let channel { span += "  channel \(channel)" }
        if let aggregate { span += "  \(aggregate)" }
        if let adapter { span += "  [\(adapter)]" }
        return "\(file)  \(span)  \(scores.joined(separator: "  "))"
    }

    private static func time(_ seconds: Double) -> String {
        FixedDecimals.text(seconds, decimals: 2).map { $0 + "s" } ?? "?"
    }
}

extension BatchRecord: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        json.member("start", seconds: start)
        json.member("end", seconds: end)
        if let startTime { json.member("start_time", startTime) }
        if let endTime { json.member("end_time", endTime) }
        if let channel { json.member("channel", channel) }
        if let adapter { json.member("adapter", adapter) }
        if let aggregate { json.member("aggregate", aggregate) }
        json.member("labels", labels)
    }
}

/// A file that could not be classified. The run continues with the next file.
public struct BatchError: Sendable, Equatable {
    public let file: String
    /// The channel that could not be classified, counted from 1; nil when it concerns the file.
    public let channel: Int?
    /// For programs, such as `unreadable`.
    public let code: String
    /// For people.
    public let message: String

    public init(file: String, channel: Int? = nil, code: String, message: String) {
        self.file = file
        self.channel = channel
        self.code = code
        self.message = message
    }
}

extension BatchError: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        if let channel { json.member("channel", channel) }
        json.key("error")
        json.object { json in
            json.member("code", code)
            json.member("message", message)
        }
    }
}

/// A sound in a file, from its first window to its last.
///
/// The times are those of a daemon's `event` records for the same sound: of the last samples of these
/// windows.
public struct BatchEvent: Sendable, Equatable {
    public let file: String
    /// In seconds from the start of the file.
    public let start: Double
    public let end: Double
    /// The estimated begin of the sound, before ``start``; nine of ten sounds begin within
    /// ``onsetUncertainty`` seconds of it.
    public let onset: Double
    public let onsetUncertainty: Double
    /// Windows of the event, and how many of them were hits.
    public let hits: Int
    public let windows: Int
    /// The file's channel, counted from 1; nil for the mean of all.
    public let channel: Int?
    /// Name of the adapter that the label belongs to; nil when only one variant classifies.
    public let adapter: String?
    public let index: Int
    public let label: String
    /// Highest score of the event.
    public let peakScore: Float
    /// Clock times of ``start`` and ``end``, as those of ``BatchRecord``.
    public var startTime: String?
    public var endTime: String?
    public var onsetTime: String?

    /// 0 for an event of one window.
    public var duration: Double { end - start }

    public init(
        file: String, start: Double, end: Double, onset: Double, onsetUncertainty: Double, hits: Int,
        windows: Int, channel: Int? = nil, adapter: String? = nil, index: Int, label: String, peakScore: Float
    ) {
        self.onset = onset
        self.onsetUncertainty = onsetUncertainty
        self.hits = hits
        self.windows = windows
        self.file = file
        self.start = start
        self.end = end
        self.channel = channel
        self.adapter = adapter
        self.index = index
        self.label = label
        self.peakScore = peakScore
    }
}

extension BatchEvent: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("file", file)
        json.member("start", seconds: start)
        json.member("end", seconds: end)
        json.member("duration", seconds: duration)
        json.member("onset", seconds: onset)
        json.member("onset_uncertainty", seconds: onsetUncertainty)
        if let startTime { json.member("start_time", startTime) }
        if let endTime { json.member("end_time", endTime) }
        if let onsetTime { json.member("onset_time", onsetTime) }
        if let channel { json.member("channel", channel) }
        if let adapter { json.member("adapter", adapter) }
        json.member("index", index)
        json.member("label", label)
        json.member("hits", hits)
        json.member("windows", windows)
        json.member("peak_score", peakScore)
    }
}
