internal import Detection
internal import TextSupport
internal import Wire

extension ExplainReport {
    init(_ explanation: DetectionExplanation, adapter: String?, clock: StreamClock) {
        func time(_ sample: Int64?) -> Timestamp? {
            sample.map { Timestamp(unixNanos: clock.unixNanos(ofSampleBefore: $0)) }
        }
        let rule = explanation.rule
        self.init(
            label: explanation.label, index: explanation.index, adapter: adapter,
            state: State(explanation.state),
            reason: explanation.reason, time: time(explanation.position), score: explanation.score,
            smoothedScore: explanation.smoothed, on: rule.on, off: rule.keepThreshold,
            smoothing: rule.smoothingWindows, hits: explanation.hits, minimumHits: rule.minimumHits,
            mergeGapSeconds: rule.mergeGapSeconds, refractorySeconds: rule.refractorySeconds,
            refractoryUntil: time(explanation.refractoryUntil), isAllowed: explanation.isAdmitted,
            event: explanation.id, eventBegin: time(explanation.begin), peakScore: explanation.peak)
    }
}

extension DetectionExplanation {
    /// The reason as a sentence.
    var reason: String {
        func short(_ value: Float) -> String { FixedDecimals.text(Double(value), decimals: 3) ?? "?" }
        let score = smoothed.map(short) ?? "none"
        return switch state {
        case .active:
            "event \(id ?? 0) continues: the score \(score) is at least the threshold `off` "
                + "(\(short(rule.keepThreshold)))"
        case .fading:
            "event \(id ?? 0) ends unless the score (now \(score)) reaches the threshold `on` "
                + "(\(short(rule.on))) within \(rule.mergeGapSeconds) s of its last active window"
        case .rising: "\(hits) of \(rule.minimumHits) consecutive hits; the next one may begin an event"
        case .below: "the score \(score) is below the threshold `on` (\(short(rule.on)))"
        case .refractory: "the last event ended less than \(rule.refractorySeconds) s ago"
        case .denied: "the label is denied, or others are allowed and it is not"
        case .quiet: "the last window was too quiet to be classified (gate)"
        case .pending: "no window has been classified yet"
        }
    }
}

extension ExplainReport.State {
    fileprivate init(_ state: DetectionExplanation.State) {
        switch state {
        case .active: self = .active
        case .fading: self = .fading
        case .rising: self = .rising
        case .below: self = .below
        case .refractory: self = .refractory
        case .denied: self = .denied
        case .quiet: self = .quiet
        case .pending: self = .pending
        }
    }
}
