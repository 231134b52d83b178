/// Why a label was or was not reported at the last window. Positions are samples of the stream.
public struct DetectionExplanation: Equatable, Sendable {
    public enum State: String, CaseIterable, Sendable {
        /// An event is going on.
        case active
        /// An event is going on, but the score is below its threshold: it ends unless it comes back in time.
        case fading
        /// There were hits, but not enough in a row.
        case rising
        /// The score is too low.
        case below
        /// The last event of this label is too fresh.
        case refractory
        /// The label is on the deny list, or not on the allow list.
        case denied
        /// The window was too quiet to be classified.
        case quiet
        /// No window was classified yet.
        case unheard
    }

    public var label: String
    public var rule: DetectionRule
    public var isAdmitted: Bool
    public var state: State
    /// Of the last window; `nil` when it was not classified.
    public var score: Float?
    /// What was held against the thresholds.
    public var smoothed: Float?
    /// Hits in a row so far.
    public var hits = 0
    /// The event that goes on.
    public var id: UInt64?
    public var begin: Int64?
    public var lastActive: Int64?
    public var peak: Float?
    /// No event begins before this.
    public var refractoryUntil: Int64?
    /// Where the last window ended.
    public var position: Int64?
}
