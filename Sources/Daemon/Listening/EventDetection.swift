internal import Detection
private import Frontend
private import NIOConcurrencyHelpers
internal import Recognizer
internal import Wire

/// A detector for each variant that classifies, and what they make of its scores.
///
/// Threading: the listening thread feeds it; any thread may give other rules or ask for an explanation. A lock is held
/// for the few comparisons of one window.
final class EventDetection: Sendable {
    private struct State {
        var rules: DetectionRules
        var detectors: [(adapter: String?, detector: EventDetector)] = []
        var clock = StreamClock()
        var lastID: UInt64 = 0

        mutating func takeID() -> UInt64 {
            lastID += 1
            return lastID
        }
    }

    private let hopSamples: Int64
    private let state: NIOLockedValueBox<State>

    init(rules: DetectionRules, hopFrames: Int) {
        hopSamples = Int64(hopFrames * FrontendConfig.frameShiftSamples)
        state = NIOLockedValueBox(State(rules: rules))
    }

    /// Goes by other rules from the next window on.
    func use(_ rules: DetectionRules) {
        state.withLockedValue { state in
            state.rules = rules
            for index in state.detectors.indices { state.detectors[index].detector.setRules(rules) }
        }
    }

    // MARK: On the listening thread

    /// These classify from now on. Events of those that do no more, end.
    func change(to variants: [Variant], _ clock: StreamClock) -> [EventRecord] {
        state.withLockedValue { state in
            var records: [EventRecord] = []
            var kept: [(adapter: String?, detector: EventDetector)] = []
            for variant in variants {
                let known = state.detectors.firstIndex {
                    $0.adapter == variant.adapter && $0.detector.labels == variant.labels
                }
                let detector =
                    known.map { state.detectors.remove(at: $0).detector }
                    ?? EventDetector(
                        labels: variant.labels, rules: state.rules, sampleRateHz: FrontendConfig.sampleRateHz,
                        hopSamples: hopSamples)
                kept.append((variant.adapter, detector))
            }
            for index in state.detectors.indices {
                let adapter = state.detectors[index].adapter
                records += state.detectors[index].detector.finish().map { $0.record(adapter, clock) }
            }
            state.detectors = kept
            return records
        }
    }

    /// - Parameter scores: By class index; `nil` for a window that was too quiet to be classified.
    func hear(
        _ scores: UnsafeBufferPointer<Float>?, of variant: Variant, window: Range<Int64>, _ clock: StreamClock
    ) -> [EventRecord] {
        state.withLockedValue { state in
            state.clock = clock
            guard let index = state.detectors.firstIndex(where: { $0.adapter == variant.adapter }) else {
                return []
            }
            var lastID = state.lastID
            let events = state.detectors[index].detector.update(scores, window: window) {
                lastID += 1
                return lastID
            }
            state.lastID = lastID
            return events.map { $0.record(variant.adapter, clock) }
        }
    }

    /// The stream was not heard up to a position.
    func passOver(to sample: Int64, _ clock: StreamClock) -> [EventRecord] {
        each(clock) { $0.skip(to: sample) }
    }

    /// Nobody listens any more.
    func finish(_ clock: StreamClock) -> [EventRecord] { each(clock) { $0.finish() } }

    private func each(
        _ clock: StreamClock, _ step: (inout EventDetector) -> [SoundEvent]
    ) -> [EventRecord] {
        state.withLockedValue { state in
            state.detectors.indices.flatMap { index in
                step(&state.detectors[index].detector).map {
                    $0.record(state.detectors[index].adapter, clock)
                }
            }
        }
    }

    // MARK: On any thread

    /// Why a label was or was not reported just now.
    ///
    /// - Parameter adapter: A name or ``AdapterName/base``; `nil`: the first that has such a label.
    /// - Returns: `nil` when nothing that classifies has such a label.
    func explain(_ label: String, adapter: String?) -> ExplainReport? {
        state.withLockedValue { state in
            for (name, detector) in state.detectors
            where adapter == nil || adapter == name ?? AdapterName.base {
                if let explanation = detector.explanation(of: label) {
                    return ExplainReport(explanation, adapter: name, clock: state.clock)
                }
            }
            return nil
        }
    }

    /// The labels of everything that classifies.
    var labels: [String] { state.withLockedValue { $0.detectors.flatMap(\.detector.labels) } }
}

extension SoundEvent {
    fileprivate func record(_ adapter: String?, _ clock: StreamClock) -> EventRecord {
        switch self {
        case .begin(let id, let label, let sample, let peak):
            EventRecord(
                state: .begin, id: id, label: label, adapter: adapter,
                unixNanos: clock.unixNanos(ofSampleBefore: sample), peakScore: peak, duration: 0)
        case .end(let id, let label, let begin, let sample, let peak):
            EventRecord(
                state: .end, id: id, label: label, adapter: adapter,
                unixNanos: clock.unixNanos(ofSampleBefore: sample), peakScore: peak,
                duration: Double(sample - begin) / Double(FrontendConfig.sampleRateHz))
        }
    }
}
