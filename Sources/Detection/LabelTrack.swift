/// The state machine between the scores of one label and its events.
///
/// Positions are samples of the stream. A window stands for the moment at which it ends, when its newest
/// sound was captured.
struct LabelTrack: Equatable, Sendable {
    /// A sound that was in enough consecutive windows. It is an event as soon as it has an id: until then it
    /// may still be too short.
    struct Sound: Equatable, Sendable {
        var id: UInt64?
        /// Its last window is the last one above the threshold.
        var span: SoundSpan
        /// End of the window with which the event was last reported.
        var lastReport: Int64 = 0
        /// Whether windows below the threshold followed.
        var isFading = false

        /// End of the first hit.
        var begin: Int64 { span.first.upperBound }
        /// End of the last window above the threshold.
        var lastActive: Int64 { span.last.upperBound }
    }

    enum Phase: Equatable, Sendable {
        /// No sound.
        case idle
        /// All windows of the span were hits, but there must be more of them.
        case rising(SoundSpan)
        case sounding(Sound)
    }

    private(set) var phase = Phase.idle
    /// Highest raw or smoothed score since the first hit.
    private(set) var peak: Float = 0
    /// No event begins before this position.
    private(set) var refractoryUntil = Int64.min
    /// Windows that start before this position contain the sound of an event that ended with its source; they
    /// are not hits.
    private(set) var endedSoundUntil = Int64.min
    /// End of the last event.
    private(set) var lastEnd = Int64.min
    /// Consecutive hits with which the sound in progress began.
    private(set) var hitsAtBegin = 0

    /// The result of a step.
    enum Change: Equatable {
        case begin(id: UInt64, at: Int64, SoundEvidence)
        case ongoing(id: UInt64, begin: Int64, at: Int64, SoundEvidence)
        case end(id: UInt64, begin: Int64, at: Int64, SoundEvidence)
    }

    /// A label's rule, with its times in samples.
    struct Limits {
        var rule: DetectionRule
        var hopSamples: Int64
        var minimumDurationSamples: Int64
        var mergeGapSamples: Int64
        var refractorySamples: Int64
        /// 0: an event is not reported again.
        var repeatAfterSamples: Int64
        var isAdmitted: Bool
        /// The group whose events stand for those of the label.
        var group: String?
    }

    /// The begin of the event in progress, or of the event that the hits so far may become.
    var begin: Int64? {
        switch phase {
        case .idle: nil
        case .rising(let span): span.first.upperBound
        case .sounding(let sound): sound.begin
        }
    }

    /// Processes the next window.
    ///
    /// - Parameters:
    ///   - score: The raw score.
    ///   - smoothed: The score that is compared with the thresholds; `nil` for a window that was not
    ///     classified.
    ///   - window: The positions of its samples.
    ///   - previous: The window before it; `nil` if there is none, or if it ended before a gap.
    ///   - onset: Estimates the onset of a sound whose first hit is this window, after the end of the last
    ///     event.
    ///   - makeID: Returns the number of the next event.
    mutating func update(
        _ score: Float, smoothed: Float?, window: Range<Int64>, previous: Range<Int64>?, _ limits: Limits,
        onset: (Int64) -> SoundOnset, makeID: () -> UInt64
    ) -> Change? {
        guard limits.isAdmitted else { return finish(limits) }
        let value = smoothed ?? -.infinity
        switch phase {
        case .idle, .rising:
            guard value >= limits.rule.on, window.upperBound >= refractoryUntil,
                window.lowerBound >= endedSoundUntil
            else {
                phase = .idle
                return nil
            }
            var span: SoundSpan
            if case .rising(let begun) = phase {
                span = begun
                span.add(window, isHit: true)
                peak = max(peak, score, value)
            } else {
                span = SoundSpan(first: window, previous: previous, onset: onset(lastEnd))
                peak = max(score, value)
            }
            guard span.evidence.hits >= limits.rule.minimumHits else {
                phase = .rising(span)
                return nil
            }
            hitsAtBegin = span.evidence.hits
            return continueSound(Sound(span: span), limits, makeID: makeID)
        case .sounding(var sound):
            // A fading sound needs a hit to recover.
            if value >= (sound.isFading ? limits.rule.on : limits.rule.keepThreshold) {
                peak = max(peak, score, value)
                sound.span.add(window, isHit: value >= limits.rule.on)
                sound.isFading = false
                return continueSound(sound, limits, makeID: makeID)
            }
            sound.span.skipWindow()
            sound.isFading = true
            phase = .sounding(sound)
            return window.upperBound - sound.lastActive > limits.mergeGapSamples ? finish(limits) : nil
        }
    }

    /// Stores a sound whose last window has just been processed; it becomes an event when it is long enough,
    /// and an event is reported again when its last report is long enough ago.
    private mutating func continueSound(
        _ sound: Sound, _ limits: Limits, makeID: () -> UInt64
    ) -> Change? {
        var sound = sound
        defer { phase = .sounding(sound) }
        let evidence = sound.span.evidence
        guard let id = sound.id else {
            guard sound.span.estimatedDuration(hop: limits.hopSamples) >= limits.minimumDurationSamples
            else { return nil }
            let id = makeID()
            (sound.id, sound.lastReport) = (id, sound.lastActive)
            return .begin(id: id, at: sound.begin, evidence)
        }
        guard limits.repeatAfterSamples > 0,
            sound.lastActive - sound.lastReport >= limits.repeatAfterSamples
        else { return nil }
        sound.lastReport = sound.lastActive
        return .ongoing(id: id, begin: sound.begin, at: sound.lastActive, evidence)
    }

    /// Skips a gap that ends at `position`: hits are no longer consecutive, and a sound ends if the gap is
    /// too long to merge.
    mutating func skip(to position: Int64, _ limits: Limits) -> Change? {
        guard case .sounding(let sound) = phase else {
            phase = .idle
            return nil
        }
        return position - sound.lastActive > limits.mergeGapSamples ? finish(limits) : nil
    }

    /// Ends the event of a source that has stopped delivering, if the time from the event's last window above
    /// the threshold to `position`, which the clock has reached, is too long to merge.
    ///
    /// - Parameter heardUntil: End of the last sample. Later windows that contain sound from before it do not
    ///   begin another event.
    mutating func expire(at position: Int64, heardUntil: Int64, _ limits: Limits) -> Change? {
        guard case .sounding(let sound) = phase, position - sound.lastActive > limits.mergeGapSamples
        else { return nil }
        endedSoundUntil = heardUntil
        return finish(limits)
    }

    /// Ends the event, if there is one, at its last window above the threshold. Drops a sound that was too
    /// short.
    mutating func finish(_ limits: Limits) -> Change? {
        defer { phase = .idle }
        guard case .sounding(let sound) = phase, let id = sound.id else { return nil }
        if limits.refractorySamples > 0 { refractoryUntil = sound.lastActive + limits.refractorySamples }
        lastEnd = sound.lastActive
        return .end(id: id, begin: sound.begin, at: sound.lastActive, sound.span.evidence)
    }
}
