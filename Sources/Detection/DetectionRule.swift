/// When the scores of one label make an event.
///
/// Thresholds are in the model's own scores: 0 to 1, or logits where the activation is `none`.
public struct DetectionRule: Equatable, Sendable {
    /// A window whose smoothed score is at least this is a hit.
    public var on: Float
    /// An event continues while the smoothed score is at least this; `nil`: 0.7 of ``on``, or 1.3 of a
    /// negative ``on`` (logits).
    public var off: Float?
    /// Windows whose mean is the smoothed score; 1 disables smoothing.
    public var smoothingWindows: Int
    /// Consecutive hits that begin an event.
    public var minimumHits: Int
    /// An event begins when the sound has lasted at least this long by the estimate of
    /// ``SoundSpan/estimatedDuration``; 0: any sound is long enough.
    public var minimumDurationSeconds: Double
    /// An event that falls below its threshold for no longer than this continues.
    public var mergeGapSeconds: Double
    /// After the end of an event no other event of this label begins for so long.
    public var refractorySeconds: Double
    /// An event that continues is reported again after so long; 0: never.
    public var repeatAfterSeconds: Double

    public init(
        on: Float = 0.5, off: Float? = nil, smoothingWindows: Int = 1, minimumHits: Int = 2,
        minimumDurationSeconds: Double = 0, mergeGapSeconds: Double = 2, refractorySeconds: Double = 0,
        repeatAfterSeconds: Double = 0
    ) {
        self.on = on
        self.off = off
        self.smoothingWindows = smoothingWindows
        self.minimumHits = minimumHits
        self.minimumDurationSeconds = minimumDurationSeconds
        self.mergeGapSeconds = mergeGapSeconds
        self.refractorySeconds = refractorySeconds
        self.repeatAfterSeconds = repeatAfterSeconds
    }

    /// The score at which an event continues: ``off`` or its default, but never more than ``on``.
    public var keepThreshold: Float { min(on, off ?? on - 0.3 * abs(on)) }
}

/// The settings of one label that differ from those of all labels; `nil` is the same.
public struct DetectionException: Equatable, Sendable {
    public var on: Float?
    public var off: Float?
    public var smoothingWindows: Int?
    public var minimumHits: Int?
    public var minimumDurationSeconds: Double?
    public var mergeGapSeconds: Double?
    public var refractorySeconds: Double?
    public var repeatAfterSeconds: Double?

    public init() {}

    /// `rule` with these differences.
    func applied(to rule: DetectionRule) -> DetectionRule {
        DetectionRule(
            on: on ?? rule.on,
            // The common `off` need not suit a label with its own `on`.
            off: off ?? (on == nil ? rule.off : nil),
            smoothingWindows: smoothingWindows ?? rule.smoothingWindows,
            minimumHits: minimumHits ?? rule.minimumHits,
            minimumDurationSeconds: minimumDurationSeconds ?? rule.minimumDurationSeconds,
            mergeGapSeconds: mergeGapSeconds ?? rule.mergeGapSeconds,
            refractorySeconds: refractorySeconds ?? rule.refractorySeconds,
            repeatAfterSeconds: repeatAfterSeconds ?? rule.repeatAfterSeconds)
    }
}

/// Which labels make events, and when.
public struct DetectionRules: Equatable, Sendable {
    /// For every label that has no exception.
    public var rule = DetectionRule()
    /// Exceptions by label, spelled as the model does.
    public var exceptions: [String: DetectionException] = [:]
    /// Only these labels make events; empty: all do.
    public var allowed: Set<String> = []
    /// These labels make no events, even if they are allowed.
    public var denied: Set<String> = []
    /// A member of a group makes no events of its own unless it is among ``exceptions`` or ``allowed``.
    public var groups: [LabelGroup] = []

    public init() {}

    public func rule(for label: String) -> DetectionRule {
        exceptions[label]?.applied(to: rule) ?? rule
    }

    public func admits(_ label: String) -> Bool {
        !denied.contains(label) && (allowed.isEmpty || allowed.contains(label))
    }

    /// The group whose events stand for those of one of its members; `nil`: the label has its own.
    ///
    /// - Parameter labels: All labels with scores; a group without one does not exist.
    func group(of label: String, in labels: Set<String>) -> String? {
        if allowed.contains(label) || exceptions[label] != nil { return nil }
        return groups.first { $0.otherMembers.contains(label) && labels.contains($0.name) }?.name
    }

    /// All labels that these rules name.
    public var namedLabels: Set<String> { allowed.union(denied).union(exceptions.keys) }
}
