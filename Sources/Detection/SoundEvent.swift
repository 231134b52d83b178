/// The begin or the end of an event, or that it continues. Positions are samples of the stream; peaks are in
/// the model's own scores.
public enum SoundEvent: Equatable, Sendable {
    /// At the end of the first hit.
    case begin(id: UInt64, label: String, sample: Int64, evidence: SoundEvidence, peak: Float)
    /// At the end of the last window above the threshold, a while after the begin or the last such report.
    case ongoing(
        id: UInt64, label: String, begin: Int64, sample: Int64, evidence: SoundEvidence, peak: Float)
    /// At the end of the last window above the threshold.
    case end(
        id: UInt64, label: String, begin: Int64, sample: Int64, evidence: SoundEvidence, peak: Float)
}

/// What the windows of an event show, from its first hit to its last window above the threshold.
public struct SoundEvidence: Equatable, Sendable {
    public var onset: SoundOnset
    /// Number of these windows whose score was at least `on`.
    public var hits: Int
    public var windows: Int

    public init(onset: SoundOnset, hits: Int, windows: Int) {
        self.onset = onset
        self.hits = hits
        self.windows = windows
    }
}

/// An event that has begun and not ended.
public struct EventInProgress: Equatable, Sendable {
    public let id: UInt64
    public let label: String
    /// Position of the end of the first hit.
    public let begin: Int64
    /// Highest score so far.
    public let peak: Float
}
