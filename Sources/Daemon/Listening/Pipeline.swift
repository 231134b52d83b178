internal import Capture
private import Detection
private import Frontend
private import Glibc
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
/// SAFETY: unchecked because the recognizer and the mutable state are used by ``run()``'s thread alone; `counters`,
/// `stopping`, `isPausing`, `mutedAfterSamples` and `variantSwitch` are the only things that other threads touch, and are synchronised.
final class Pipeline: @unchecked Sendable {
    private let ring: SampleRing
    private let recognizer: Recognizer
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
    private let isPausing = Atomic<Bool>(false)
    /// Samples of digital silence after which a muted microphone is suspected; 0 for never.
    private let mutedAfterSamples = Atomic<Int>(0)
    private let onMuted: @Sendable (Bool) -> Void

    private var schedule: WindowSchedule
    private var clock = StreamClock()
    private var level = LevelMeter()
    private var gate: EnergyGate?
    private var silence = SilenceWatch()
    private var watchdog: EngineWatchdog?
    private var counters = ListeningCounters()
    private var sequence: UInt64 = 0
    /// Up to here every sample was in a window or in a gap.
    private var toldSample: Int64 = 0

    /// A tenth of a second at a time.
    private static let blockSamples = 1600

    init(
        ring: SampleRing, recognizer: Recognizer, detection: EventDetection, clips: ClipRecorder,
        hub: EventHub, hopFrames: Int, gate: EnergyGate? = nil, sourceWaits: Bool,
        watchdog: EngineWatchdog? = nil, onMuted: @escaping @Sendable (Bool) -> Void
    ) {
        self.ring = ring
        self.recognizer = recognizer
        self.detection = detection
        self.clips = clips
        self.hub = hub
        self.gate = gate
        self.sourceWaits = sourceWaits
        self.watchdog = watchdog
        self.onMuted = onMuted
        variantSwitch = VariantSwitch { [ring] in ring.wake() }
        schedule = WindowSchedule(windowFrames: recognizer.windowFrames, hopFrames: hopFrames)
        tell(detection.change(to: recognizer.variants, clock))
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
            case .samples(let count, let start, let unixNanos):
                let samples = UnsafeBufferPointer(rebasing: block[..<count])
                clock.heard(upTo: start + Int64(count), unixNanos: unixNanos)
                level.add(samples)
                gate?.hear(samples)
                clips.hear(samples, at: start)
                if silence.hear(samples, limit: mutedAfterSamples.load(ordering: .relaxed)) {
                    onMuted(silence.isMuted)
                }
                recognizer.features.append(samples)
                if sourceWaits { try classifyAll() }
            case .hole(let start, let end, let reason):
                bridge(start..<end, reason)
            case .empty:
                if isPausing.exchange(false, ordering: .acquiringAndReleasing) {
                    tell(detection.finish(clock))
                }
                // Everything that was heard is in the features: the newest window is really the newest.
                if let due = schedule.takeDue(frames: recognizer.features.frameCount) {
                    try classify(due)
                } else {
                    ring.wait(timeoutSeconds: 1)
                }
            case .finished:
                if let due = schedule.takeLast(frames: recognizer.features.frameCount) { try classify(due) }
                return
            }
        }
    }

    private func classifyAll() throws(PipelineError) {
        while let due = schedule.takeNext(frames: recognizer.features.frameCount) {
            try classify(due)
            variantSwitch.takeRequest(change)
        }
    }

    /// Other adapters from the next window on. The stream, its features and its windows' rhythm go on.
    private func change(to variants: [Variant]) -> [Variant] {
        let earlier = recognizer.use(variants)
        schedule.change(
            windowFrames: recognizer.windowFrames, oldestFrame: recognizer.features.oldestFrame)
        tell(detection.change(to: variants, clock))
        hub.publish(.adapter(AdapterRecord(adapters: variants.map(\.adapter))))
        return earlier
    }

    private func classify(_ due: WindowSchedule.Due) throws(PipelineError) {
        if let skipped = due.skippedFrames { tellSkipped(skipped, windows: due.skippedWindows) }
        let frames = due.start..<min(due.start + schedule.windowFrames, recognizer.features.frameCount)
        let levelDBFS = level.takeDBFS()
        var milliseconds: Double?
        for variant in recognizer.variants {
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

    /// - Returns: Milliseconds that the forward pass took.
    private func classify(
        _ variant: Variant, _ window: Range<Int>, _ levelDBFS: Double?
    ) throws(PipelineError) -> Double {
        let began = ContinuousClock.now
        guard let scores = recognizer.classify(variant, windowFrom: window.lowerBound) else {
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
        toldSample = max(toldSample, samples.upperBound)
        let latencyNanos = Self.unixNanosNow() - heardNanos
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
                windowSamples: recognizer.windowFrames * FrontendConfig.frameShiftSamples)
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
        // Across a pause nothing is mixed: what was said before it is not heard again after it.
        let isBridged =
            reason != .paused && hole.count < recognizer.windowFrames * FrontendConfig.frameShiftSamples
        // What was heard before a long hole and was too short for another window.
        if !isBridged, toldSample < hole.lowerBound {
            tellGap(toldSample, hole.lowerBound, .skipped)
        }
        tellGap(hole.lowerBound, hole.upperBound, Gap.Reason(reason))
        if isBridged {
            recognizer.features.appendSilence(samples: hole.count)
            gate?.hearSilence(samples: hole.count)
        } else {
            recognizer.features.reset()
            schedule.restart()
            clock.restart(at: hole.upperBound)
            tell(detection.passOver(to: hole.upperBound, clock))
        }
        shareCounters()
    }

    private func tellSkipped(_ frames: Range<Int>, windows: Int) {
        counters.skippedWindows += UInt64(windows)
        let first = clock.samples(ofFrames: frames.lowerBound, count: 1).lowerBound
        let end = clock.samples(ofFrames: frames.upperBound, count: 1).lowerBound
        tellGap(first, end, .skipped)
    }

    private func tellGap(_ first: Int64, _ end: Int64, _ reason: Gap.Reason) {
        toldSample = max(toldSample, end)
        hub.publish(.gap(Gap(startSample: first, endSample: end, reason: reason)))
    }

    private func shareCounters() {
        let counters = counters
        sharedCounters.withLockedValue { $0 = counters }
    }

    private static func unixNanosNow() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
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
