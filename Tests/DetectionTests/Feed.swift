@testable import Detection

/// A detector of one label at 10 samples a second, fed windows of 2 s every second.
struct Feed {
    var detector: EventDetector
    var lastID: UInt64 = 0
    var end: Int64 = 0
    /// Of all begins and ends so far.
    var evidence: [SoundEvidence] = []
    var onsets: [SoundOnset] { evidence.map(\.onset) }

    init(_ rules: DetectionRules, labels: [String] = ["Siren"]) {
        detector = EventDetector(labels: labels, rules: rules, sampleRateHz: 10, hopSamples: 10)
    }

    init(
        on: Float = 0.5, off: Float? = 0.3, smoothing: Int = 1, hits: Int = 1, duration: Double = 0,
        merge: Double = 0, refractory: Double = 0, again: Double = 0
    ) {
        var rules = DetectionRules()
        rules.rule = DetectionRule(
            on: on, off: off, smoothingWindows: smoothing, minimumHits: hits,
            minimumDurationSeconds: duration, mergeGapSeconds: merge, refractorySeconds: refractory,
            repeatAfterSeconds: again)
        self.init(rules)
    }

    /// Windows that end at 10, 20, 30, ...; `nil` is one that was too quiet.
    mutating func update(_ scores: Float?...) -> [SoundEvent] {
        scores.flatMap { score in
            end += 10
            return update(score.map { [$0] }, window: end - 20..<end)
        }
    }

    mutating func update(_ scores: [Float]?, window: Range<Int64>) -> [SoundEvent] {
        var id = lastID
        defer { lastID = id }
        let take = {
            id += 1
            return id
        }
        let events =
            scores?.withUnsafeBufferPointer { detector.update($0, window: window, makeID: take) }
            ?? detector.update(nil, window: window, makeID: take)
        evidence += events.map(\.evidence)
        return events.map(\.withoutEvidence)
    }
}

extension SoundEvidence {
    /// For comparisons of everything else.
    static let none = SoundEvidence(onset: SoundOnset(sample: 0, uncertaintySamples: 0), hits: 0, windows: 0)
}

extension SoundEvent {
    var evidence: SoundEvidence {
        switch self {
        case .begin(_, _, _, let evidence, _), .ongoing(_, _, _, _, let evidence, _),
            .end(_, _, _, _, let evidence, _):
            evidence
        }
    }

    var withoutEvidence: SoundEvent {
        switch self {
        case .begin(let id, let label, let sample, _, let peak):
            .begin(id: id, label: label, sample: sample, evidence: .none, peak: peak)
        case .ongoing(let id, let label, let begin, let sample, _, let peak):
            .ongoing(id: id, label: label, begin: begin, sample: sample, evidence: .none, peak: peak)
        case .end(let id, let label, let begin, let sample, _, let peak):
            .end(id: id, label: label, begin: begin, sample: sample, evidence: .none, peak: peak)
        }
    }
}
