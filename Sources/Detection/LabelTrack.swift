/// What one label has been doing: the state machine between its scores and its events.
///
/// Positions are samples of the stream. A window counts for the moment at which it ends: then the newest of its sound
/// was heard.
struct LabelTrack: Equatable, Sendable {
    enum Phase: Equatable, Sendable {
        /// No event. `hits` windows in a row were hits, the first of them ended at `firstHit`.
        case idle(hits: Int, firstHit: Int64)
        /// An event since `begin`; the last window that kept it going ended at `lastActive`, and was the last one
        /// unless it is fading.
        case active(id: UInt64, begin: Int64, lastActive: Int64, isFading: Bool)
    }

    private(set) var phase = Phase.idle(hits: 0, firstHit: 0)
    /// Highest score since the first of the hits, as the model gave it or smoothed.
    private(set) var peak: Float = 0
    /// No event begins at a window that ends before this position.
    private(set) var refractoryUntil = Int64.min

    /// What a step led to.
    enum Change: Equatable {
        case begin(id: UInt64, at: Int64)
        case end(id: UInt64, begin: Int64, at: Int64)
    }

    /// Positions are compared in samples.
    struct Limits {
        var rule: DetectionRule
        var mergeGapSamples: Int64
        var refractorySamples: Int64
        var isAdmitted: Bool
    }

    /// Where the event that goes on, or may come of the hits so far, begins.
    var begin: Int64? {
        switch phase {
        case .active(_, let begin, _, _): begin
        case .idle(let hits, let firstHit): hits > 0 ? firstHit : nil
        }
    }

    var isActive: Bool { if case .active = phase { true } else { false } }

    /// Takes the next window.
    ///
    /// - Parameters:
    ///   - score: As the model gave it.
    ///   - smoothed: What is held against the thresholds; `nil` for a window that nothing was looked for in.
    ///   - end: Where the window ends.
    ///   - makeID: The number of the next event.
    mutating func update(
        _ score: Float, smoothed: Float?, end: Int64, _ limits: Limits, makeID: () -> UInt64
    ) -> Change? {
        guard limits.isAdmitted else { return finish(limits) }
        let value = smoothed ?? -.infinity
        switch phase {
        case .idle(let hits, let firstHit):
            guard value >= limits.rule.on, end >= refractoryUntil else {
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
            phase = .active(id: id, begin: first, lastActive: end, isFading: false)
            return .begin(id: id, at: first)
        case .active(let id, let begin, let lastActive, let isFading):
            // Once it has fallen below, it takes a hit to bring it back.
            if value >= (isFading ? limits.rule.on : limits.rule.keepThreshold) {
                peak = max(peak, score, value)
                phase = .active(id: id, begin: begin, lastActive: end, isFading: false)
                return nil
            }
            phase = .active(id: id, begin: begin, lastActive: lastActive, isFading: true)
            return end - lastActive > limits.mergeGapSamples ? finish(limits) : nil
        }
    }

    /// The stream was not heard up to `position`: hits are no longer in a row, and an event that this is too long for ends.
    mutating func skip(to position: Int64, _ limits: Limits) -> Change? {
        guard case .active(_, _, let lastActive, _) = phase else {
            phase = .idle(hits: 0, firstHit: 0)
            return nil
        }
        return position - lastActive > limits.mergeGapSamples ? finish(limits) : nil
    }

    /// Ends the event, if there is one, where it was last heard.
    mutating func finish(_ limits: Limits) -> Change? {
        defer { phase = .idle(hits: 0, firstHit: 0) }
        guard case .active(let id, let begin, let lastActive, _) = phase else { return nil }
        if limits.refractorySamples > 0 { refractoryUntil = lastActive + limits.refractorySamples }
        return .end(id: id, begin: begin, at: lastActive)
    }
}
