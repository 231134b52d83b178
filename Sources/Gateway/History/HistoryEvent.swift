public import TextSupport
public import Wire

/// An event of the history.
public struct HistoryEvent: Sendable, Equatable {
    public var daemon: String
    /// Name of the source in the daemon's settings; nil for a single source without a name.
    public var source: String?
    /// Unique over all runs of a daemon.
    public var id: String
    public var label: String
    /// Name of the adapter that the label belongs to; nil for the base model.
    public var adapter: String?
    public var begin: Timestamp
    /// nil while the event is in progress.
    public var end: Timestamp?
    /// Highest score; NaN where the daemon had none.
    public var peakScore: Float
    /// Path of the recorded sound; nil: none.
    public var clip: String?
    /// What a person said about it; nil: nothing.
    public var review: EventReview?
    /// Whether its end is unknown, because the daemon died or its record was missed; ``end`` is then the last
    /// time at which it is known to have lasted.
    public var isInterrupted: Bool

    /// In seconds; nil while the event is in progress.
    public var duration: Double? {
        end.map { Double($0.unixNanos - begin.unixNanos) / 1e9 }
    }
}

extension HistoryEvent: JSONRecord {
    public func writeMembers(to json: inout JSONWriter) {
        json.member("daemon", daemon)
        if let source { json.member("source", source) }
        json.member("id", id)
        json.member("label", label)
        json.member("adapter", adapter)
        json.member("begin", begin.description)
        json.member("end", end?.description)
        json.member("duration", seconds: duration)
        json.member("peak_score", peakScore)
        json.member("clip", clip)
        json.member("review", review?.text)
        if let label = review?.label { json.member("review_label", label) }
        json.member("interrupted", isInterrupted)
    }
}

extension Timestamp {
    init(milliseconds: Int64) { self.init(unixNanos: milliseconds * 1_000_000) }

    /// Since 1970-01-01 UTC, rounded down.
    var milliseconds: Int64 { unixNanos / 1_000_000 - (unixNanos % 1_000_000 < 0 ? 1 : 0) }
}
