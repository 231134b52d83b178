/// The state machine between the scores of one label and its events.
///
/// Positions are samples of the stream. A window stands for the moment at which it ends, when its newest
/// sound was captured.
struct LabelTrack: Equatable, Sendable {
    enum Phase: Equatable, Sendable {
        /// No event. The last `hits` windows were hits; the first of them ended at `firstHit`.
        case idle(hits: Int, firstHit: Int64)
        /// An event that began at `begin`. The last window above the threshold ended at `lastActive`; the
        /// event is fading when windows below the threshold followed.
        case active(id: UInt64, begin: Int64, lastActive: Int64, isFading: Bool)
    }

    private(set) var phase = Phase.idle(hits: 0, firstHit: 0)
    /// Highest raw or smoothed score since the first hit.
    private(set) var peak: Float = 0
    /// No event begins before this position.
    private(set) var refractoryUntil = Int64.min
    /// Windows that start before this position contain the sound of an event that ended with its source; they
    /// are not hits.
    private(set) var endedSoundUntil = Int64.min
    /// Consecutive hits with which the event in progress began.
    private(set) var hitsAtBegin = 0

    /// The result of a step.
    enum Change: Equatable {
        case begin(id: UInt64, at: Int64)
        case end(id: UInt64, begin: Int64, at: Int64)
    }

    /// A label's rule, with its times in samples.
    struct Limits {
        var rule: DetectionRule
        var mergeGapSamples: Int64
        var refractorySamples: Int64
        var isAdmitted: Bool
    }

    /// The begin of the event in progress, or of the event that the hits so far may become.
    var begin: Int64? {
        switch phase {
        case .active(_, let begin, _, _): begin
        case .idle(let hits, let firstHit): hits > 0 ? firstHit : nil
        }
    }

    var isActive: Bool { if case .active = phase { true } else { false } }

    /// Processes the next window.
    ///
    /// - Parameters:
    ///   - score: The raw score.
    ///   - smoothed: The score that is compared with the thresholds; `nil` for a window that was not
    ///     classified.
    ///   - window: The positions of its samples.
    ///   - makeID: Returns the number of the next event.
    mutating func update(
        _ score: Float, smoothed: Float?, window: Range<Int64>, _ limits: Limits, makeID: () -> UInt64
    ) -> Change? {
        guard limits.isAdmitted else { return finish(limits) }
        let end = window.upperBound
        let value = smoothed ?? -.infinity
        switch phase {
        case .idle(let hits, let firstHit):
            guard value >= limits.rule.on, end >= refractoryUntil, window.lowerBound >= endedSoundUntil
            else {
                phase = .idle(hits: 0, firstHit: 0)
                return nil
            }
            peak = hits == 0 ? max(score, value) : max(peak, score, value)
            let first = hits == 0 ? end : firstHit
            guard hits + 1 >= limits.rule.minimumHits else {
                phase = .idle(hits: hits + 1, firstHit: first)
                return nil
            }
            let id = makeID()
            hitsAtBegin = hits + 1
            phase = .active(id: id, begin: first, lastActive: end, isFading: false)
            return .begin(id: id, at: first)
        case .active(let id, let begin, let lastActive, let isFading):
            // A fading event needs a hit to recover.
            if value >= (isFading ? limits.rule.on : limits.rule.keepThreshold) {
                peak = max(peak, score, value)
                phase = .active(id: id, begin: begin, lastActive: end, isFading: false)
                return nil
            }
            phase = .active(id: id, begin: begin, lastActive: lastActive, isFading: true)
            return end - lastActive > limits.mergeGapSamples ? finish(limits) : nil
        }
    }

    /// Skips a gap that ends at `position`: hits are no longer consecutive, and an event ends if the gap is
    /// too long to merge.
    mutating func skip(to position: Int64, _ limits: Limits) -> Change? {
        guard case .active(_, _, let lastActive, _) = phase else {
            phase = .idle(hits: 0, firstHit: 0)
            return nil
        }
        return position - lastActive > limits.mergeGapSamples ? finish(limits) : nil
    }

    /// Ends the event of a source that has stopped delivering, if the time from the event's last window above
    /// the threshold to `position`, which the clock has reached, is too long to merge.
    ///
    /// - Parameter heardUntil: End of the last sample. Later windows that contain sound from before it do not
    ///   begin another event.
    mutating func expire(at position: Int64, heardUntil: Int64, _ limits: Limits) -> Change? {
        guard case .active(_, _, let lastActive, _) = phase, position - lastActive > limits.mergeGapSamples
        else { return nil }
        endedSoundUntil = heardUntil
        return finish(limits)
    }

    /// Ends the event, if there is one, at its last window above the threshold.
    mutating func finish(_ limits: Limits) -> Change? {
        defer { phase = .idle(hits: 0, firstHit: 0) }
        guard case .active(let id, let begin, let lastActive, _) = phase else { return nil }
        if limits.refractorySamples > 0 { refractoryUntil = lastActive + limits.refractorySamples }
        return .end(id: id, begin: begin, at: lastActive)
    }
}
