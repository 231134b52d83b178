/// Turns the scores of successive windows into events, label by label. No I/O and no clock: time is the
/// position in the stream.
public struct EventDetector: Sendable {
    public let labels: [String]
    private var limits: [LabelTrack.Limits] = []
    private var tracks: [LabelTrack]
    private var history: ScoreHistory
    /// `nil` until the hop changes.
    private var windowSamples: Int64?
    private let onsetConstants: SoundOnset.Constants
    private var lastScores: [Float]
    private let sampleRateHz: Int
    private var hopSamples: Int64
    /// The hop for which the rules count windows.
    private let shortestHopSamples: Int64
    private var rules: DetectionRules
    /// The last window; `nil` before the first.
    private var lastWindow: Range<Int64>?
    /// End of the last window; `nil` before the first.
    private var lastEnd: Int64? { lastWindow?.upperBound }
    /// Whether the last window was too quiet to be classified.
    private var wasQuiet = false

    /// - Parameters:
    ///   - labels: By class index.
    ///   - hopSamples: From the start of one window to the start of the next; where the hop changes
    ///     (``changeHop(to:windowSamples:)``), the shortest.
    public init(labels: [String], rules: DetectionRules, sampleRateHz: Int, hopSamples: Int64) {
        self.labels = labels
        self.hopSamples = hopSamples
        shortestHopSamples = hopSamples
        self.rules = rules
        self.sampleRateHz = sampleRateHz
        tracks = Array(repeating: LabelTrack(), count: labels.count)
        lastScores = Array(repeating: 0, count: labels.count)
        history = ScoreHistory(labels: labels.count, capacity: 1)
        onsetConstants = SoundOnset.Constants(sampleRateHz: sampleRateHz)
        setRules(rules)
    }

    /// Replaces the rules from the next window on. Events in progress continue; with the next window, those
    /// of labels that the new rules exclude end. Smoothing restarts without earlier scores.
    public mutating func setRules(_ rules: DetectionRules) {
        self.rules = rules
        makeLimits()
        let longest = labels.map { rules.rule(for: $0).smoothingWindows }.max() ?? 1
        history = ScoreHistory(labels: labels.count, capacity: max(longest, onsetWindows))
    }

    /// Changes the hop from the next window on. Scores and events in progress continue.
    ///
    /// Smoothing covers the same time at every hop: fewer windows of a longer one. A rule asks for no more
    /// consecutive hits than there are windows that contain a short sound.
    ///
    /// - Parameters:
    ///   - hop: At least the hop of the initialiser.
    ///   - windowSamples: The length of a window.
    public mutating func changeHop(to hop: Int64, windowSamples: Int64) {
        precondition(hop >= shortestHopSamples)
        hopSamples = hop
        self.windowSamples = windowSamples
        makeLimits()
    }

    private func scaled(_ rule: DetectionRule) -> DetectionRule {
        guard hopSamples > shortestHopSamples else { return rule }
        var rule = rule
        let windows = Double(rule.smoothingWindows) * Double(shortestHopSamples) / Double(hopSamples)
        rule.smoothingWindows = max(1, Int(windows.rounded()))
        if let windowSamples {
            rule.minimumHits = min(rule.minimumHits, max(1, Int(windowSamples / hopSamples)))
        }
        return rule
    }

    private mutating func makeLimits() {
        let all = rules.groups.isEmpty ? [] : Set(labels)
        limits = labels.map { label in
            let rule = scaled(rules.rule(for: label))
            let group = rules.group(of: label, in: all)
            return LabelTrack.Limits(
                rule: rule, hopSamples: hopSamples,
                minimumDurationSamples: samples(rule.minimumDurationSeconds),
                mergeGapSamples: samples(rule.mergeGapSeconds),
                refractorySamples: samples(rule.refractorySeconds),
                repeatAfterSamples: samples(rule.repeatAfterSeconds),
                isAdmitted: rules.admits(label) && group == nil,
                group: group)
        }
    }

    /// Processes the scores of the next window.
    ///
    /// - Parameters:
    ///   - scores: By class index; `nil` for a window that was too quiet to be classified.
    ///   - window: The positions of its samples. If it starts more than a hop after the end of the previous
    ///     window, there is a gap between them.
    ///   - makeID: Returns the number of the next event.
    public mutating func update(
        _ scores: UnsafeBufferPointer<Float>?, window: Range<Int64>, makeID: () -> UInt64
    ) -> [SoundEvent] {
        precondition(scores.map { $0.count == labels.count } ?? true, "a score for each label")
        var events: [SoundEvent] = []
        var previous = lastWindow
        if let lastEnd, window.lowerBound - lastEnd > hopSamples {
            events = skip(to: window.lowerBound)
            previous = nil
        }
        lastWindow = window
        wasQuiet = scores == nil
        if let scores {
            history.add(scores, at: ScoreHistory.Place(window: window, previousEnd: previous?.upperBound))
        } else {
            history.reset()
        }
        let history = history
        for index in labels.indices {
            let score = scores?[index] ?? 0
            lastScores[index] = score
            let smoothed =
                scores == nil ? nil : history.mean(index, last: limits[index].rule.smoothingWindows)
            let change = tracks[index].update(
                score, smoothed: smoothed, window: window, previous: previous, limits[index],
                onset: { history.onset(index, after: $0, onsetConstants) }, makeID: makeID)
            if let change { events.append(event(index, change)) }
        }
        return events
    }

    /// Skips a gap that ends at `position`. Events that merge across it continue.
    public mutating func skip(to position: Int64) -> [SoundEvent] {
        history.reset()
        return tracks.indices.compactMap { index in
            tracks[index].skip(to: position, limits[index]).map { event(index, $0) }
        }
    }

    /// Ends the events of a source that has stopped delivering, label by label, once the merge gap has
    /// passed.
    ///
    /// - Parameters:
    ///   - position: The position that the stream would have reached by the clock.
    ///   - heardUntil: End of the last sample.
    public mutating func expire(at position: Int64, heardUntil: Int64) -> [SoundEvent] {
        tracks.indices.compactMap { index in
            tracks[index].expire(at: position, heardUntil: heardUntil, limits[index]).map { event(index, $0) }
        }
    }

    /// Ends every event.
    public mutating func finish() -> [SoundEvent] {
        history.reset()
        return tracks.indices.compactMap { index in
            tracks[index].finish(limits[index]).map { event(index, $0) }
        }
    }

    /// The events in progress, by class index.
    public var eventsInProgress: [EventInProgress] {
        tracks.indices.compactMap { index in
            guard case .sounding(let sound) = tracks[index].phase, let id = sound.id else { return nil }
            return EventInProgress(id: id, label: labels[index], begin: sound.begin, peak: tracks[index].peak)
        }
    }

    /// The earliest begin of the events and hits in progress, or the end of the last window if there are
    /// none: no event that ends later begins before it. `nil` before the first window.
    public var earliestPendingBegin: Int64? {
        guard let lastEnd else { return nil }
        return tracks.reduce(lastEnd) { min($0, $1.begin ?? lastEnd) }
    }

    /// Explains why a label was or was not reported for the last window: for each class with that label, in
    /// their order; nothing when there is no such label.
    public func explanations(of label: String) -> [DetectionExplanation] {
        labels.indices.filter { labels[$0] == label }.map(explanation)
    }

    private func explanation(of index: Int) -> DetectionExplanation {
        let (track, limits) = (tracks[index], limits[index])
        var explanation = DetectionExplanation(
            label: labels[index], index: index, rule: limits.rule, isAdmitted: limits.isAdmitted,
            state: .pending, peak: nil)
        explanation.group = limits.group
        explanation.position = lastEnd
        explanation.refractoryUntil = track.refractoryUntil == .min ? nil : track.refractoryUntil
        guard let lastEnd else { return explanation }
        if !wasQuiet {
            explanation.score = lastScores[index]
            explanation.smoothed = history.mean(index, last: limits.rule.smoothingWindows)
        }
        switch track.phase {
        case .sounding(let sound):
            explanation.estimatedDurationSeconds = seconds(sound.span)
            explanation.hits = track.hitsAtBegin
            guard let id = sound.id else {
                explanation.state = limits.isAdmitted ? .rising : .denied
                break
            }
            explanation.state = sound.isFading ? .fading : .active
            (explanation.id, explanation.begin, explanation.lastActive) = (id, sound.begin, sound.lastActive)
            explanation.peak = track.peak
            explanation.evidence = sound.span.evidence
        case .rising(let span):
            explanation.estimatedDurationSeconds = seconds(span)
            explanation.hits = span.evidence.hits
            explanation.state = limits.isAdmitted ? .rising : .denied
        case .idle:
            if !limits.isAdmitted {
                explanation.state = .denied
            } else if wasQuiet {
                explanation.state = .quiet
            } else if explanation.smoothed == nil {
                explanation.state = .pending
            } else if lastEnd < track.refractoryUntil {
                explanation.state = .refractory
            } else if (lastWindow?.lowerBound ?? .max) < track.endedSoundUntil {
                explanation.state = .refractory
                explanation.containsEndedSound = true
            } else {
                explanation.state = .below
            }
        }
        return explanation
    }

    private func event(_ index: Int, _ change: LabelTrack.Change) -> SoundEvent {
        let (label, peak) = (labels[index], tracks[index].peak)
        return switch change {
        case .begin(let id, let sample, let evidence):
            .begin(id: id, label: label, sample: sample, evidence: evidence, peak: peak)
        case .ongoing(let id, let begin, let sample, let evidence):
            .ongoing(id: id, label: label, begin: begin, sample: sample, evidence: evidence, peak: peak)
        case .end(let id, let begin, let sample, let evidence):
            .end(id: id, label: label, begin: begin, sample: sample, evidence: evidence, peak: peak)
        }
    }

    /// Windows in which an onset is looked for: those that overlap with the longest window of the published
    /// models, or fewer at very short hops.
    private var onsetWindows: Int { min(64, max(2, Int(samples(10.24) / max(1, shortestHopSamples)) + 2)) }

    private func seconds(_ span: SoundSpan) -> Double {
        Double(span.estimatedDuration(hop: hopSamples)) / Double(sampleRateHz)
    }

    private func samples(_ seconds: Double) -> Int64 { Int64((seconds * Double(sampleRateHz)).rounded()) }
}
