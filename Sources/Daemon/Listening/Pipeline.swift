internal import Capture
private import Detection
private import Frontend
private import Inference
private import NIOConcurrencyHelpers
internal import Recognizer
private import Synchronization
internal import Wire

/// The main job, on a thread of its own: samples from the ring become features, features become scores, scores
/// become records.
///
///     Capture ─► SampleRing ─► SlidingFeatures ─► network ─► activation ─► EventDetection ─► EventHub
///
/// SAFETY: unchecked because the scorer and the mutable state are used by ``run()``'s thread alone; `counters`,
/// `stopping`, `breakNews`, `isPausing`, `mutedAfterSamples` and `variantSwitch` are the only things that other threads touch, and are synchronised.
final class Pipeline: @unchecked Sendable {
    private let ring: SampleRing
    private let scorer: WindowScorer
    private let features: LiveFeatures
    private let hub: EventHub
    /// Where others ask for other adapters.
    let variantSwitch: VariantSwitch
    private let detection: EventDetection
    private let clips: ClipRecorder
    private let ranking = Ranking(limit: nil)
    /// Whether the source waits for us: then no window is skipped.
    private let sourceWaits: Bool
    private let sharedCounters = NIOLockedValueBox(ListeningCounters())
    private let stopping = Atomic<Bool>(false)
    private let breakNews = Atomic<Break>(.none)
    private let isPausing = Atomic<Bool>(false)
    /// Samples of digital silence after which a muted microphone is suspected; 0 for never.
    private let mutedAfterSamples = Atomic<Int>(0)
    private let onMuted: @Sendable (Bool) -> Void

    private var schedule: WindowSchedule
    private let hopSamples: Int64
    private var clock = StreamClock()
    private var account = StreamAccount()
    /// One past the last sample that the features have.
    private var fedSample: Int64 = 0
    /// Silence that the features have instead of the first samples after the newest: of a hole that is to come.
    private var borrowedSamples = 0
    private var level = LevelMeter()
    private var gate: EnergyGate?
    private var silence = SilenceWatch()
    private var watchdog: EngineWatchdog?
    private var counters = ListeningCounters()
    private var sequence: UInt64 = 0

    /// A tenth of a second at a time.
    private static let blockSamples = 1600

    init(
        ring: SampleRing, scorer: WindowScorer, features: LiveFeatures, detection: EventDetection,
        clips: ClipRecorder,
        hub: EventHub, hopFrames: Int, gate: EnergyGate? = nil, sourceWaits: Bool,
        watchdog: EngineWatchdog? = nil, onMuted: @escaping @Sendable (Bool) -> Void
    ) {
        self.ring = ring
        self.scorer = scorer
        self.features = features
        self.detection = detection
        self.clips = clips
        self.hub = hub
        self.gate = gate
        self.sourceWaits = sourceWaits
        self.watchdog = watchdog
        self.onMuted = onMuted
        variantSwitch = VariantSwitch { [ring] in ring.wake() }
        schedule = WindowSchedule(windowFrames: scorer.windowFrames, hopFrames: hopFrames)
        hopSamples = Int64(hopFrames * FrontendConfig.frameShiftSamples)
        tell(detection.change(to: scorer.variants, clock))
    }

    /// Safe on any thread.
    var currentCounters: ListeningCounters { sharedCounters.withLockedValue { $0 } }

    /// Clips of events that could not be kept. Safe on any thread.
    var omittedClips: Int { clips.omittedClips }

    /// Makes ``run()`` return after the window at hand. Safe on any thread.
    func stop() {
        stopping.store(true, ordering: .releasing)
        ring.wake()
    }

    /// - Parameter seconds: Of digital silence after which a muted microphone is suspected; 0 for never.
    func suspectMuted(after seconds: Double) {
        let samples = Int((seconds * Double(FrontendConfig.sampleRateHz)).rounded())
        mutedAfterSamples.store(samples, ordering: .relaxed)
    }

    /// The stream has broken off: what was heard so far is classified now, and not when it goes on. Safe on any thread.
    ///
    /// - Parameter isForLong: Whether the windows will begin anew in any case; else they go on across a short hole.
    func breakOff(isForLong: Bool) {
        breakNews.store(isForLong ? .forLong : .perhapsShort, ordering: .releasing)
        ring.wake()
    }

    /// Nothing more will come for long: events end after what was heard so far. Safe on any thread.
    func pause() {
        isPausing.store(true, ordering: .releasing)
        ring.wake()
    }

    /// Blocks its thread until the stream ends, or ``stop()``.
    ///
    /// - Throws: ``PipelineError`` when the model gives no numbers: going on would be silence that looks like work.
    func run() throws(PipelineError) {
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.blockSamples)
        defer {
            block.deallocate()
            tell(detection.finish(clock))
            clips.finish()
            variantSwitch.end()
            ring.close()
        }
        while !stopping.load(ordering: .acquiring) {
            watchdog?.progress()
            variantSwitch.takeRequest(change)
            switch ring.pop(into: block) {
            case .samples(let count, let start, let nanos):
                if borrowedSamples > 0 {
                    tellSkipped(account.restart(behind: start..<start))
                    restart(behind: start..<start)
                }
                let samples = UnsafeBufferPointer(rebasing: block[..<count])
                fedSample = start + Int64(count)
                clock.heard(upTo: fedSample, nanos: nanos, wallOffsetNanos: SystemClock.wallOffsetNanos)
                level.add(samples)
                gate?.hear(samples)
                clips.hear(samples, at: start)
                if silence.hear(samples, limit: mutedAfterSamples.load(ordering: .relaxed)) {
                    onMuted(silence.isMuted)
                }
                features.append(samples)
                if sourceWaits { try classifyAll() }
            case .hole(let start, let end, let reason):
                bridge(start..<end, reason)
            case .empty:
                // Everything that was heard is in the features: the newest window is really the newest.
                if let due = schedule.takeDue(frames: features.frameCount) {
                    try classify(due)
                } else if let news = breakNews.exchange(.none, ordering: .acquiringAndReleasing).news {
                    try classifyRest(news)
                } else if isPausing.exchange(false, ordering: .acquiringAndReleasing) {
                    tell(detection.finish(clock))
                } else {
                    ring.wait(timeoutSeconds: 1)
                }
            case .finished:
                // Nothing more comes: there is time for every window that is left.
                try classifyAll()
                if let due = schedule.takeLast(frames: features.frameCount) { try classify(due) }
                return
            }
        }
    }

    private func classifyAll() throws(PipelineError) {
        while let due = schedule.takeNext(frames: features.frameCount, oldestFrame: features.oldestFrame) {
            try classify(due)
            variantSwitch.takeRequest(change)
        }
    }

    /// Other adapters from the next window on. The stream, its features and its windows' rhythm go on.
    private func change(to variants: [Variant]) -> [Variant] {
        let earlier = scorer.replaceVariants(with: variants)
        features.retain(for: variants)
        schedule.change(
            windowFrames: scorer.windowFrames, oldestFrame: features.oldestFrame)
        tell(detection.change(to: variants, clock))
        hub.publish(.adapter(AdapterRecord(adapters: variants.map(\.adapter))))
        return earlier
    }

    private func classify(_ due: WindowSchedule.Due) throws(PipelineError) {
        let frames = due.start..<min(due.start + schedule.windowFrames, features.frameCount)
        counters.skippedWindows += UInt64(due.skippedWindows)
        let window = clock.samples(ofFrames: frames.lowerBound, count: frames.count)
        tellSkipped(account.answer(window, hop: hopSamples, skipped: due.skippedWindows))
        let levelDBFS = level.takeDBFS()
        var milliseconds: Double?
        for variant in scorer.variants {
            let start = max(frames.lowerBound, frames.upperBound - variant.frontend.windowFrames)
            let window = start..<frames.upperBound
            if isQuiet(window) {
                publish(variant, window, levelDBFS, scores: nil, passMs: nil)
            } else {
                milliseconds = (milliseconds ?? 0) + (try classify(variant, window, levelDBFS))
            }
        }
        counters.answered(milliseconds: milliseconds)
        shareCounters()
    }

    /// The last sound before a break, at once: as in a file, the window that reaches its end is padded.
    private func classifyRest(_ news: Break) throws(PipelineError) {
        // Its last frame is filled up with the beginning of the hole that is to come.
        let heard = Int(fedSample - clock.originSample)
        let whole = FrontendConfig.samples(toFrames: FrontendConfig.frames(inSamples: heard))
        let missing = heard > whole ? FrontendConfig.frameShiftSamples - (heard - whole) : 0
        let frames = FrontendConfig.frames(inSamples: heard + missing)
        let rest = news == .forLong ? schedule.takeLast(frames: frames) : schedule.takeBroken(frames: frames)
        guard whole > 0, let due = rest else { return }
        features.appendSilence(samples: missing)
        borrowedSamples = missing
        try classify(due)
    }

    /// - Returns: Milliseconds that the forward pass took.
    private func classify(
        _ variant: Variant, _ window: Range<Int>, _ levelDBFS: Double?
    ) throws(PipelineError) -> Double {
        let began = ContinuousClock.now
        let input = features.window(of: variant, from: window.lowerBound)
        guard let scores = scorer.score(variant, features: input) else {
            throw .scoresAreNotNumbers(variant.network.brokenWeights()?.description)
        }
        let milliseconds = (ContinuousClock.now - began) / .milliseconds(1)
        publish(variant, window, levelDBFS, scores: scores, passMs: milliseconds)
        return milliseconds
    }

    /// Whether the window was silent from its first sample to the newest one that was heard.
    private func isQuiet(_ window: Range<Int>) -> Bool {
        guard let gate else { return false }
        let samples = clock.samples(ofFrames: window.lowerBound, count: window.count)
        return Int64(gate.quietSamples) >= clock.heardSample - samples.lowerBound
    }

    /// - Parameter scores: By class index; `nil` for a window that was too quiet to be classified.
    private func publish(
        _ variant: Variant, _ window: Range<Int>, _ levelDBFS: Double?, scores: UnsafeBufferPointer<Float>?,
        passMs: Double?
    ) {
        let labels = scores.map { ranking.best($0) } ?? []
        let samples = clock.samples(ofFrames: window.lowerBound, count: window.count)
        let heardNanos = clock.unixNanos(ofSampleBefore: samples.upperBound)
        sequence += 1
        let latencyNanos = SystemClock.bootNanos - clock.nanos(ofSampleBefore: samples.upperBound)
        counters.latency.add(seconds: Double(latencyNanos) / 1e9)
        hub.publish(
            .prediction(
                Prediction(
                    seq: sequence, unixNanos: heardNanos, startSample: samples.lowerBound,
                    endSample: samples.upperBound, levelDBFS: levelDBFS,
                    latencyMs: Double(latencyNanos) / 1e6, passMs: passMs, adapter: variant.adapter,
                    isGated: scores == nil,
                    labels: labels.map {
                        ScoredLabel(index: $0.index, label: variant.labels[$0.index], score: $0.score)
                    })))
        tell(detection.hear(scores, of: variant, window: samples, clock))
    }

    private func tell(_ events: [EventRecord]) {
        for event in events {
            if event.state == .begin { counters.events += 1 }
            clips.take(
                event, at: clock.sample(atUnixNanos: event.time.unixNanos),
                windowSamples: scorer.windowFrames * FrontendConfig.frameShiftSamples)
            hub.publish(.event(event))
        }
    }

    /// Lost samples keep their place in time: a short hole is heard as silence, after a long one the windows
    /// begin anew.
    private func bridge(_ hole: Range<Int64>, _ reason: HoleReason) {
        switch reason {
        case .overrun: counters.overrunSamples += UInt64(hole.count)
        case .sourceLost: counters.lostSamples += UInt64(hole.count)
        case .paused: counters.pausedSamples += UInt64(hole.count)
        }
        breakNews.store(.none, ordering: .releasing)
        // Across a pause nothing is mixed: what was said before it is not heard again after it.
        let isShort =
            reason != .paused && hole.count >= borrowedSamples
            && hole.count < scorer.windowFrames * FrontendConfig.frameShiftSamples
        if !isShort { tellSkipped(account.restart(behind: hole)) }
        hub.publish(
            .gap(
                Gap(
                    startSample: hole.lowerBound, endSample: hole.upperBound,
                    reason: Gap.Reason(reason))))
        if isShort { hearSilence(hole) } else { restart(behind: hole) }
        shareCounters()
    }

    private func restart(behind hole: Range<Int64>) {
        features.reset()
        borrowedSamples = 0
        fedSample = hole.upperBound
        schedule.restart()
        clock.restart(at: hole.upperBound)
        tell(detection.passOver(to: hole.upperBound, clock))
    }

    private func hearSilence(_ hole: Range<Int64>) {
        account.note(hole: hole)
        features.appendSilence(samples: hole.count - borrowedSamples)
        borrowedSamples = 0
        fedSample = hole.upperBound
        gate?.hearSilence(samples: hole.count)
        // A window that ends in the hole is worth its while only for sound that no other will hold.
        let end = features.frameCount
        let next = clock.samples(ofFrames: schedule.startOfFirst(endingAfter: end), count: 1).lowerBound
        if account.settledSample >= min(hole.lowerBound, next) { schedule.passOver(to: end) }
    }

    private func tellSkipped(_ ranges: [Range<Int64>]) {
        for range in ranges {
            hub.publish(
                .gap(Gap(startSample: range.lowerBound, endSample: range.upperBound, reason: .skipped)))
        }
    }

    private func shareCounters() {
        let counters = counters
        sharedCounters.withLockedValue { $0 = counters }
    }
}

/// How a stream has broken off.
private enum Break: UInt8, AtomicRepresentable {
    case none, perhapsShort, forLong

    var news: Break? { self == .none ? nil : self }
}

extension Gap.Reason {
    fileprivate init(_ reason: HoleReason) {
        switch reason {
        case .overrun: self = .overrun
        case .sourceLost: self = .sourceLost
        case .paused: self = .paused
        }
    }
}

/// Why listening cannot go on.
enum PipelineError: Error, Equatable, CustomStringConvertible {
    /// With the weights at fault, where they are.
    case scoresAreNotNumbers(String?)

    var description: String {
        switch self {
        case .scoresAreNotNumbers(let reason):
            "the model's scores are infinite or not numbers: \(reason ?? "what it hears is none it can work with")"
        }
    }
}
