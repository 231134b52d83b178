/// Why a label was or was not reported for the last window. Positions are samples of the stream.
public struct DetectionExplanation: Equatable, Sendable {
    public enum State: String, CaseIterable, Sendable {
        /// An event is in progress.
        case active
        /// An event is in progress, but the score is below its threshold: the event ends unless there is a
        /// hit in time.
        case fading
        /// There were hits, but not enough consecutive ones, or the sound is too short so far.
        case rising
        /// The score is below the threshold.
        case below
        /// The last event of this label ended too recently, or the window still contains its sound.
        case refractory
        /// The label is on the deny list, not on the allow list, or a member of a group.
        case denied
        /// The window was too quiet to be classified.
        case quiet
        /// No window has been classified yet, or none since an interruption or a change of the rules.
        case pending
    }

    public var label: String
    /// The class; several may have the same label.
    public var index: Int
    public var rule: DetectionRule
    public var isAdmitted: Bool
    /// The group whose events stand for those of the label.
    public var group: String?
    public var state: State
    /// Of the last window; `nil` when it was not classified.
    public var score: Float?
    /// The score that was compared with the thresholds.
    public var smoothed: Float?
    /// Consecutive hits so far; of a sound that had enough of them, those with which it began.
    public var hits = 0
    /// The estimated length of the sound so far; `nil` without hits.
    public var estimatedDurationSeconds: Double?
    /// The event in progress.
    public var id: UInt64?
    public var begin: Int64?
    public var lastActive: Int64?
    public var peak: Float?
    /// Of the event in progress.
    public var evidence: SoundEvidence?
    /// No event begins before this.
    public var refractoryUntil: Int64?
    /// Whether the last window contains sound from before an interruption that ended this label's event.
    public var containsEndedSound = false
    /// End of the last window.
    public var position: Int64?
}
