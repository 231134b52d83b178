internal import Detection
internal import TextSupport
internal import Wire

extension ExplainReport {
    init(_ explanation: DetectionExplanation, adapter: String?, clock: StreamClock, run: RunID) {
        let event = explanation.id.map { run.eventID($0) }
        func time(_ sample: Int64?) -> Timestamp? {
            sample.map { Timestamp(unixNanos: clock.unixNanos(ofSampleBefore: $0)) }
        }
        let rule = explanation.rule
        self.init(
            label: explanation.label, index: explanation.index, adapter: adapter,
            state: State(explanation.state),
            reason: explanation.reason(event: event ?? ""), time: time(explanation.position),
            score: explanation.score,
            smoothedScore: explanation.smoothed, on: rule.on, off: rule.keepThreshold,
            smoothing: rule.smoothingWindows, hits: explanation.hits, minimumHits: rule.minimumHits,
            minimumDurationSeconds: rule.minimumDurationSeconds,
            estimatedDurationSeconds: explanation.estimatedDurationSeconds,
            mergeGapSeconds: rule.mergeGapSeconds, refractorySeconds: rule.refractorySeconds,
            repeatAfterSeconds: rule.repeatAfterSeconds,
            refractoryUntil: time(explanation.refractoryUntil), isAllowed: explanation.isAdmitted,
            event: event, eventBegin: time(explanation.begin),
            eventHits: explanation.evidence?.hits, eventWindows: explanation.evidence?.windows,
            peakScore: explanation.peak)
    }

    /// The explanation for a source in this state: while nothing is captured, no score explains anything.
    ///
    /// A label that the settings exclude is reported as such in any case.
    func with(_ source: SourceRecord) -> ExplainReport {
        var report = self
        report.others = others.map { $0.with(source) }
        guard state != .denied else { return report }
        switch source.state {
        case .healthy:
            // Nothing to add about the gate: `quiet` says the same.
            if let message = source.message, state != .quiet || message != StreamCondition.gatedMessage {
                report.reason += "; " + message
            }
            return report
        case .lost, .ended: report.state = .lost
        case .recovering: report.state = .recovering
        case .paused: report.state = .paused
        }
        report.reason = source.sentence
        if let event { report.reason += "; event \(event) ends unless the source is back in time" }
        return report
    }
}

extension DetectionExplanation {
    /// The reason as a sentence.
    ///
    /// - Parameter event: The id of the event in progress.
    func reason(event: String) -> String {
        func short(_ value: Float) -> String { FixedDecimals.text(Double(value), decimals: 3) ?? "?" }
        let score = smoothed.map { " " + short($0) } ?? ""
        return switch state {
        case .active where smoothed == nil: "event \(event) continues until the next window is classified"
        case .active:
            "event \(event) continues: the score\(score) is at least the threshold `off` "
                + "(\(short(rule.keepThreshold)))"
        case .fading:
            "event \(event) ends unless the score\(score.isEmpty ? "" : " (now\(score))") reaches the "
                + "threshold `on` (\(short(rule.on))) within \(rule.mergeGapSeconds) s of its last active window"
        case .rising where hits >= rule.minimumHits:
            "the sound has lasted about \(short(Float(estimatedDurationSeconds ?? 0))) s of the "
                + "\(rule.minimumDurationSeconds) s of `minimum_duration`"
        case .rising: "\(hits) of \(rule.minimumHits) consecutive hits; the next one may begin an event"
        case .below: "the score\(score) is below the threshold `on` (\(short(rule.on)))"
        case .refractory where containsEndedSound:
            "the window still contains the sound of the last event, which ended when the source stopped"
        case .refractory: "the last event ended less than \(rule.refractorySeconds) s ago"
        case .denied where group != nil:
            "group \(group ?? "") reports it; name it in `detection.allow` or `detection.labels` for events of "
                + "its own"
        case .denied: "the label is denied, or others are allowed and it is not"
        case .quiet: "the last window was too quiet to be classified (gate)"
        case .pending where position == nil: "no window has been classified yet"
        case .pending: "no window has been classified since an interruption or a change of the settings"
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
