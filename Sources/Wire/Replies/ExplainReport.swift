public import TextSupport

/// The reply to `explain`: why a label is or is not reported at the moment.
public struct ExplainReport: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        /// An event is in progress.
        case active
        /// An event ends unless the score recovers in time.
        case fading
        /// Hits, but too few in a row for an event, or of too short a sound.
        case rising
        /// The score is below the threshold.
        case below
        /// The last event ended too recently, or the window still contains its sound.
        case refractory
        /// The settings exclude the label.
        case denied
        /// The last window was gated.
        case quiet
        /// No window has been classified yet, or none since an interruption.
        case pending
        /// The source delivers no samples.
        case lost
        /// The source is connected; its first samples have not arrived.
        case recovering
        /// Capture is paused.
        case paused
    }

    /// Name of the source; nil for a single source without a name.
    public var source: String?
    public var label: String
    /// The class that has this label.
    public var index: Int
    /// The adapter that the label belongs to; nil for the base model.
    public var adapter: String?
    public var state: State
    /// For people.
    public var reason: String
    /// End of the last window; nil before the first.
    public var time: Timestamp?
    /// Score of the last window; nil when it was not classified.
    public var score: Float?
    /// The score that is compared with the thresholds.
    public var smoothedScore: Float?
    public var on: Float
    public var off: Float
    /// In windows.
    public var smoothing: Int
    /// Hits in a row so far; of a sound that had enough of them, those with which it began.
    public var hits: Int
    public var minimumHits: Int
    public var minimumDurationSeconds: Double
    /// Estimated length of the sound so far; nil without hits.
    public var estimatedDurationSeconds: Double?
    public var mergeGapSeconds: Double
    public var refractorySeconds: Double
    /// An event that continues is reported again after so long; 0: never.
    public var repeatAfterSeconds: Double
    public var refractoryUntil: Timestamp?
    public var isAllowed: Bool
    /// The event in progress; nil for none.
    public var event: String?
    public var eventBegin: Timestamp?
    /// Windows of the event so far, and how many of them were hits.
    public var eventHits: Int?
    public var eventWindows: Int?
    public var peakScore: Float?
    /// The reports on the other classes with the same label, and on the other sources; none has further ones.
    public var others: [ExplainReport] = []

    public init(
        label: String, index: Int, adapter: String?, state: State, reason: String, time: Timestamp?,
        score: Float?,
        smoothedScore: Float?, on: Float, off: Float, smoothing: Int, hits: Int, minimumHits: Int,
        minimumDurationSeconds: Double = 0, estimatedDurationSeconds: Double? = nil,
        mergeGapSeconds: Double, refractorySeconds: Double, repeatAfterSeconds: Double = 0,
        refractoryUntil: Timestamp?, isAllowed: Bool,
        event: String?, eventBegin: Timestamp?, eventHits: Int? = nil, eventWindows: Int? = nil,
        peakScore: Float?
    ) {
        self.label = label
        self.index = index
        self.adapter = adapter
        self.state = state
        self.reason = reason
        self.time = time
        self.score = score
        self.smoothedScore = smoothedScore
        self.on = on
        self.off = off
        self.smoothing = smoothing
        self.hits = hits
        self.minimumHits = minimumHits
        self.minimumDurationSeconds = minimumDurationSeconds
        self.estimatedDurationSeconds = estimatedDurationSeconds
        self.mergeGapSeconds = mergeGapSeconds
        self.refractorySeconds = refractorySeconds
        self.repeatAfterSeconds = repeatAfterSeconds
        self.refractoryUntil = refractoryUntil
        self.isAllowed = isAllowed
        self.event = event
        self.eventBegin = eventBegin
        self.eventHits = eventHits
        self.eventWindows = eventWindows
        self.peakScore = peakScore
    }

    /// - Throws: ``JSONError`` when a member is missing or of another type.
    public init(_ json: JSONObject) throws(JSONError) {
        source = try json.string("source")
        label = try json.requiredString("label")
        index = try json.requiredInteger("index", as: Int.self)
        adapter = try json.string("adapter")
        state = try json.requiredWord("state", of: State.allCases)
        reason = try json.requiredString("reason")
        time = try json.timestamp("time")
        score = try json.float("score")
        smoothedScore = try json.float("smoothed_score")
        on = try json.float("on") ?? .nan
        off = try json.float("off") ?? .nan
        smoothing = try json.requiredInteger("smoothing", as: Int.self)
        hits = try json.requiredInteger("hits", as: Int.self)
        minimumHits = try json.requiredInteger("minimum_hits", as: Int.self)
        minimumDurationSeconds = try json.double("minimum_duration") ?? 0
        estimatedDurationSeconds = try json.double("estimated_duration")
        mergeGapSeconds = try json.requiredDouble("merge_gap")
        refractorySeconds = try json.requiredDouble("refractory")
        repeatAfterSeconds = try json.double("repeat_after") ?? 0
        refractoryUntil = try json.timestamp("refractory_until")
        isAllowed = try json.bool("allowed") ?? true
        event = try json.string("event")
        eventBegin = try json.timestamp("event_begin")
        eventHits = try json.integer("event_hits", as: Int.self)
        eventWindows = try json.integer("event_windows", as: Int.self)
        peakScore = try json.float("peak_score")
        for object in try json.objects("others") ?? [] { others.append(try ExplainReport(object)) }
    }
}

extension ExplainReport: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        if let source { json.member("source", source) }
        json.member("label", label)
        json.member("index", index)
        json.member("adapter", adapter)
        json.member("state", state.rawValue)
        json.member("reason", reason)
        json.member("time", time?.description)
        json.member("score", score ?? .nan)
        json.member("smoothed_score", smoothedScore ?? .nan)
        json.member("on", on)
        json.member("off", off)
        json.member("smoothing", smoothing)
        json.member("hits", hits)
        json.member("minimum_hits", minimumHits)
        json.member("minimum_duration", seconds: minimumDurationSeconds)
        json.member("estimated_duration", seconds: estimatedDurationSeconds ?? .nan)
        json.member("merge_gap", seconds: mergeGapSeconds)
        json.member("refractory", seconds: refractorySeconds)
        json.member("repeat_after", seconds: repeatAfterSeconds)
        json.member("refractory_until", refractoryUntil?.description)
        json.member("allowed", isAllowed)
        json.member("event", event)
        json.member("event_begin", eventBegin?.description)
        json.member("event_hits", eventHits)
        json.member("event_windows", eventWindows)
        json.member("peak_score", peakScore ?? .nan)
        json.member("others", others)
    }
}
