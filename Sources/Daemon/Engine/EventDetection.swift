internal import Detection
private import Frontend
internal import Recognizer
private import NIOConcurrencyHelpers
internal import Wire

/// One event detector for each variant that classifies.
///
/// Threading: the engine thread feeds it; any thread may set rules or ask for an explanation. The lock is
/// held for the comparisons of one window.
final class EventDetection: Sendable {
    private struct State {
        var rules: DetectionRules
        var detectors: [(adapter: String?, detector: EventDetector)] = []
        var clock = StreamClock(.live)
        /// In place of the first hop, and the length of a window.
        var hop: (samples: Int64, windowSamples: Int64)?
    }

    private let hopSamples: Int64
    private let source: String?
    private let run: RunID
    private let numbers: RecordNumbers
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - source: Its name, for the reports.
    ///   - run: Part of the ids of events.
    ///   - numbers: The other part.
    init(
        rules: DetectionRules, hopFrames: Int, source: String? = nil, run: RunID = RunID(),
        numbers: RecordNumbers = RecordNumbers()
    ) {
        self.source = source
        self.run = run
        self.numbers = numbers
        hopSamples = Int64(hopFrames * FrontendConfig.frameShiftSamples)
        state = NIOLockedValueBox(State(rules: rules))
    }

    // MARK: Any thread

    /// Applies other rules from the next window on.
    func setRules(_ rules: DetectionRules) {
        state.withLockedValue { state in
            state.rules = rules
            for index in state.detectors.indices { state.detectors[index].detector.setRules(rules) }
        }
    }

    /// Explains why a label was or was not reported for the last window.
    ///
    /// - Parameter adapter: A name or ``AdapterName/base``; `nil`: the first variant that has such a label.
    /// - Returns: One report with all classes of that label; `nil` when no variant that classifies has any.
    func explain(_ label: String, adapter: String?) -> ExplainReport? {
        state.withLockedValue { state in
            for (name, detector) in state.detectors
            where adapter == nil || adapter == name ?? AdapterName.base {
                let reports = detector.explanations(of: label).map {
                    var report = ExplainReport($0, adapter: name, clock: state.clock, run: run)
                    report.source = source
                    return report
                }
                guard var report = reports.first else { continue }
                report.others = Array(reports.dropFirst())
                return report
            }
            return nil
        }
    }

    /// The events in progress, oldest first.
    var activeEvents: [ActiveEvent] {
        state.withLockedValue { state in
            let events = state.detectors.flatMap { adapter, detector in
                detector.eventsInProgress.map { (adapter: adapter, event: $0) }
            }
            return events.sorted { $0.event.id < $1.event.id }.map { adapter, event in
                ActiveEvent(
                    source: source, id: run.eventID(event.id), label: event.label, adapter: adapter,
                    begin: Timestamp(unixNanos: state.clock.unixNanos(ofSampleBefore: event.begin)),
                    startSample: event.begin, peakScore: event.peak)
            }
        }
    }

    /// The labels of all variants that classify.
    var labels: [String] { state.withLockedValue { $0.detectors.flatMap(\.detector.labels) } }

    // MARK: The engine thread

    /// Creates detectors for the variants that classify from now on. A variant with the name and the labels
    /// of an earlier one keeps its detector; the events of the other detectors end.
    func replaceVariants(with variants: [Variant]) -> [DetectedEvent] {
        state.withLockedValue { state in
            var detectors: [(adapter: String?, detector: EventDetector)] = []
            for variant in variants {
                let index = state.detectors.firstIndex {
                    $0.adapter == variant.adapter && $0.detector.labels == variant.labels
                }
                var detector =
                    index.map { state.detectors.remove(at: $0).detector }
                    ?? EventDetector(
                        labels: variant.labels, rules: state.rules, sampleRateHz: FrontendConfig.sampleRateHz,
                        hopSamples: hopSamples)
                if let (samples, window) = state.hop {
                    detector.changeHop(to: samples, windowSamples: window)
                }
                detectors.append((variant.adapter, detector))
            }
            let ended = step(&state.detectors) { $0.finish() }
            state.detectors = detectors
            return ended
        }
    }

    /// The windows to come are `samples` apart: at least the hop of the initialiser.
    func changeHop(to samples: Int64, windowSamples: Int64) {
        state.withLockedValue { state in
            state.hop = (samples, windowSamples)
            for index in state.detectors.indices {
                state.detectors[index].detector.changeHop(to: samples, windowSamples: windowSamples)
            }
        }
    }

    /// Processes the scores of the next window.
    ///
    /// - Parameter scores: By class index; `nil` for a window that was too quiet to be classified.
    func update(
        scores: UnsafeBufferPointer<Float>?, of variant: Variant, window: Range<Int64>, _ clock: StreamClock
    ) -> [DetectedEvent] {
        state.withLockedValue { state in
            state.clock = clock
            guard let index = state.detectors.firstIndex(where: { $0.adapter == variant.adapter }) else {
                return []
            }
            let events = state.detectors[index].detector.update(scores, window: window) {
                numbers.nextEvent()
            }
            return events.map { DetectedEvent(event: $0, adapter: variant.adapter, run: run) }
        }
    }

    /// The stream continues after a gap, at `position`.
    func skip(to position: Int64) -> [DetectedEvent] {
        state.withLockedValue { step(&$0.detectors) { $0.skip(to: position) } }
    }

    /// Ends the events of a source that has stopped delivering, once the merge gap has passed.
    ///
    /// - Parameters:
    ///   - position: The position that the stream would have reached by the clock.
    ///   - heardUntil: End of the last sample.
    func expire(at position: Int64, heardUntil: Int64) -> [DetectedEvent] {
        state.withLockedValue {
            step(&$0.detectors) { $0.expire(at: position, heardUntil: heardUntil) }
        }
    }

    /// Ends all events.
    func finish() -> [DetectedEvent] { state.withLockedValue { step(&$0.detectors) { $0.finish() } } }

    private func step(
        _ detectors: inout [(adapter: String?, detector: EventDetector)],
        _ step: (inout EventDetector) -> [SoundEvent]
    ) -> [DetectedEvent] {
        detectors.indices.flatMap { index in
            let adapter = detectors[index].adapter
            return step(&detectors[index].detector).map {
                DetectedEvent(event: $0, adapter: adapter, run: run)
            }
        }
    }
}

/// The begin, the end or the continuation of an event, at the end of a window, whose time was published.
struct DetectedEvent {
    let event: SoundEvent
    let adapter: String?
    let run: RunID

    /// Where the event began, continues or ended.
    var sample: Int64 {
        switch event {
        case .begin(_, _, let sample, _, _), .ongoing(_, _, _, let sample, _, _),
            .end(_, _, _, let sample, _, _):
            sample
        }
    }

    /// - Parameter seq: The last prediction before the record.
    func record(_ clock: StreamClock, source: String?, seq: UInt64) -> LiveRecord {
        let unixNanos = clock.unixNanos(ofSampleBefore: sample)
        switch event {
        case .begin(let id, let label, let begin, let evidence, let peak):
            return .event(
                EventRecord(
                    source: source, state: .begin, id: run.eventID(id), seq: seq, label: label,
                    adapter: adapter,
                    unixNanos: unixNanos, startSample: begin, endSample: begin,
                    onset: EventOnset(evidence.onset, clock), hits: evidence.hits, windows: evidence.windows,
                    peakScore: peak, duration: 0))
        case .ongoing(let id, let label, let begin, let end, let evidence, let peak):
            return .ongoing(
                OngoingRecord(
                    source: source, id: run.eventID(id), seq: seq, label: label, adapter: adapter,
                    unixNanos: unixNanos, startSample: begin, endSample: end, hits: evidence.hits,
                    windows: evidence.windows, peakScore: peak,
                    duration: Double(clock.milliseconds(from: begin, to: end)) / 1000))
        case .end(let id, let label, let begin, let end, let evidence, let peak):
            return .event(
                EventRecord(
                    source: source, state: .end, id: run.eventID(id), seq: seq, label: label,
                    adapter: adapter,
                    unixNanos: unixNanos, startSample: begin, endSample: end,
                    onset: EventOnset(evidence.onset, clock), hits: evidence.hits, windows: evidence.windows,
                    peakScore: peak, duration: Double(clock.milliseconds(from: begin, to: end)) / 1000))
        }
    }
}

extension EventOnset {
    fileprivate init(_ onset: SoundOnset, _ clock: StreamClock) {
        self.init(
            unixNanos: clock.unixNanos(ofSampleBefore: onset.sample), sample: onset.sample,
            uncertaintySeconds: Double(onset.uncertaintySamples) / Double(FrontendConfig.sampleRateHz))
    }
}
