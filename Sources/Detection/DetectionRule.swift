/// When the scores of one label make an event.
///
/// Thresholds are in the model's own scores: 0 to 1, or logits where the activation is `none`.
public struct DetectionRule: Equatable, Sendable {
    /// A window whose smoothed score is at least this is a hit.
    public var on: Float
    /// An event goes on while the smoothed score is at least this; `nil`: 0.7 of ``on``.
    public var off: Float?
    /// Windows whose mean is the smoothed score; 1 is none.
    public var smoothingWindows: Int
    /// Hits in a row that begin an event.
    public var minimumHits: Int
    /// An event that fell below its threshold for no longer than this goes on.
    public var mergeGapSeconds: Double
    /// After the end of an event no other of this label begins for so long.
    public var refractorySeconds: Double

    public init(
        on: Float = 0.5, off: Float? = nil, smoothingWindows: Int = 1, minimumHits: Int = 2,
        mergeGapSeconds: Double = 2, refractorySeconds: Double = 0
    ) {
        self.on = on
        self.off = off
        self.smoothingWindows = smoothingWindows
        self.minimumHits = minimumHits
        self.mergeGapSeconds = mergeGapSeconds
        self.refractorySeconds = refractorySeconds
    }

    /// The threshold that keeps an event going: ``off``, never above ``on``.
    public var keepThreshold: Float { min(on, off ?? on - 0.3 * abs(on)) }
}

/// What is different for one label; `nil` is as for all.
public struct DetectionException: Equatable, Sendable {
    public var on: Float?
    public var off: Float?
    public var smoothingWindows: Int?
    public var minimumHits: Int?
    public var mergeGapSeconds: Double?
    public var refractorySeconds: Double?

    public init() {}

    /// `rule` with what is different here.
    func applied(to rule: DetectionRule) -> DetectionRule {
        DetectionRule(
            on: on ?? rule.on,
            // An `off` for all labels need not suit a label with an `on` of its own.
            off: off ?? (on == nil ? rule.off : nil),
            smoothingWindows: smoothingWindows ?? rule.smoothingWindows,
            minimumHits: minimumHits ?? rule.minimumHits,
            mergeGapSeconds: mergeGapSeconds ?? rule.mergeGapSeconds,
            refractorySeconds: refractorySeconds ?? rule.refractorySeconds)
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
    /// These labels make none, even if they are allowed.
    public var denied: Set<String> = []

    public init() {}

    public func rule(for label: String) -> DetectionRule {
        exceptions[label]?.applied(to: rule) ?? rule
    }

    public func admits(_ label: String) -> Bool {
        !denied.contains(label) && (allowed.isEmpty || allowed.contains(label))
    }

    /// Labels that are named somewhere here.
    public var namedLabels: Set<String> { allowed.union(denied).union(exceptions.keys) }
}
