internal import Capture
private import Frontend
internal import Logging
private import Inference
internal import Recognizer
internal import Settings
private import NIOConcurrencyHelpers
internal import Wire

/// The way of the samples of one source: turns them into records.
///
///     Capture ─► Frontend ─► Inference ─► Detection ─► Wire
///     ring       features    scorer       detection    hub
///
/// Everything runs on the engine thread: ``EngineLoop`` calls ``advance(into:)``, which processes what has
/// been captured, and ``classifyNextWindow()`` when it is the turn of this source. ``WindowPlanner`` decides
/// which window is due and accounts for every sample.
///
/// Threading: other threads use ``commands``, ``currentCounters``, ``activeEvents``, ``omittedClips`` and
/// ``apply(_:)``.
///
/// SAFETY: unchecked because the stages and the mutable state belong to the engine thread; `commands`,
/// `sharedCounters`, and what ``apply(_:)`` uses of `detection` and `clips`, are synchronised.
final class Pipeline: @unchecked Sendable {
    let name: String?
    let commands: CommandMailbox
    private let ring: SampleRing
    private let features: LiveFeatures
    /// Shared by all sources.
    private let scorer: WindowScorer
    /// Those of the scorer's variants that classify this source.
    private(set) var variants: [Variant]
    let records: RecordPublisher
    let detection: EventDetection
    private let clips: ClipRecorder
    let source: SourceTraits
    let logger: Logger
    private let onCondition: @Sendable (StreamCondition) -> Void
    private let sharedCounters = NIOLockedValueBox(PipelineCounters())

    var planner: WindowPlanner
    private(set) var clock: StreamClock
    private var level = LevelMeter()
    private var levelWatch: LevelWatch
    private(set) var gate: EnergyGate?
    var gateLog = GateLog()
    private var spectrum: SpectrumMeter?
    private var muteDetector = MuteDetector()
    var overloadDetector: OverloadDetector
    var condition = StreamCondition() {
        didSet { if condition != oldValue { onCondition(condition) } }
    }
    private var silenceWatchdog = NoDataWatchdog(atNanos: SystemClock.bootNanos)
    /// Whether the source has reported its loss since the last sample.
    private var isSourceLost = false
    var counters = PipelineCounters()
    /// `nil`: the hop does not change.
    var hopController: HopController?
    /// Duration of the forward passes of the last classified window; 0 before it.
    private(set) var passSeconds = 0.0
    /// Whether the stream has ended and everything was popped.
    private var isFinished = false
    private(set) var hasEnded = false

    /// - Parameters:
    ///   - variants: Those that classify now; the engine may have others when it adds the pipeline.
    ///   - onCondition: Called on the engine thread when the condition of the stream has changed.
    init(
        ring: SampleRing, commands: CommandMailbox, features: LiveFeatures, scorer: WindowScorer,
        variants: [Variant], numbers: RecordNumbers, detection: EventDetection, clips: ClipRecorder,
        hub: EventHub, _ configuration: Configuration, logger: Logger,
        onCondition: @escaping @Sendable (StreamCondition) -> Void
    ) {
        self.ring = ring
        self.commands = commands
        self.features = features
        self.scorer = scorer
        self.variants = variants
        self.detection = detection
        self.clips = clips
        records = RecordPublisher(
            source: configuration.name, channel: configuration.channel, hub: hub, numbers: numbers)
        name = configuration.name
        source = configuration.source
        clock = StreamClock(configuration.source.pace)
        gate = configuration.gate
        levelWatch = LevelWatch(configuration.level)
        spectrum = configuration.hasSpectrum ? SpectrumMeter() : nil
        self.logger = logger
        self.onCondition = onCondition
        overloadDetector = OverloadDetector(hopFrames: configuration.hopFrames)
        planner = WindowPlanner(
            windowFrames: variants.longestWindowFrames, hopFrames: configuration.hopFrames)
        hopController = configuration.hopController(windowFrames: variants.longestWindowFrames)
        setMutedAfter(seconds: configuration.mutedAfterSeconds)
        publish(detection.replaceVariants(with: variants))
    }

    // MARK: Any thread

    /// The counters as of the last window or gap.
    var currentCounters: PipelineCounters { sharedCounters.withLockedValue { $0 } }

    /// The events in progress.
    var activeEvents: [ActiveEvent] { detection.activeEvents }

    /// Clips that could not be written.
    var omittedClips: Int { clips.omittedClips }

    /// Applies the settings that can change at run time.
    @Sendable func apply(_ settings: DaemonSettings) {
        detection.setRules(settings.detection)
        clips.apply(settings.clips)
        commands.post(.setMutedAfter(seconds: settings.mutedAfter))
        commands.post(.setLevel(settings.level))
    }

    // MARK: The engine thread

    /// Processes what was captured. A source that waits for its reader waits while a window is due.
    ///
    /// - Parameter block: Room for samples that are copied out of the ring.
    /// - Throws: ``PipelineError``, because the windows before an interruption are classified at once.
    func advance(into block: UnsafeMutableBufferPointer<Float>) throws(PipelineError) {
        while canAdvance {
            // Commands are dequeued after the pop, so that every command that was posted before the piece was
            // pushed is in the mailbox.
            let piece = ring.pop(into: block)
            let position = lastPosition(before: piece)
            while let entry = commands.dequeue(upTo: position) { try obey(entry) }
            switch piece {
            case .samples(let count, _, let nanos):
                process(UnsafeBufferPointer(rebasing: block[..<count]), lastSampleNanos: nanos)
            case .gap(let start, let end, let reason):
                process(gap: start..<end, reason)
            case .empty:
                if !hasWindow { endEventsOfSilentSource() }
                return
            case .finished: isFinished = true
            }
        }
    }

    /// Whether ``classifyNextWindow()`` has something to do.
    var isDue: Bool { isFinished || hasWindow }

    /// A source that waits for its reader is read up to each window.
    private var canAdvance: Bool { !isFinished && !(source.waitsForReader && hasWindow) }

    /// Whether a window is complete.
    private var hasWindow: Bool { planner.hasWindow(source.waitsForReader ? oldest : .newest) }

    /// Classifies the next window, or ends behind the last one.
    ///
    /// - Throws: ``PipelineError`` when scores are NaN or infinite: a daemon that continued would report
    ///   nothing and look healthy.
    func classifyNextWindow() throws(PipelineError) {
        // The features contain every captured sample, so no newer window exists. After the last sample, there
        // is time for every window.
        let order = source.waitsForReader || isFinished ? oldest : .newest
        if let window = planner.nextWindow(order) {
            try classify(window)
        } else if isFinished, let window = planner.lastWindow(oldestFrame: features.oldestFrame) {
            try classify(window)
        } else {
            hasEnded = isFinished
        }
    }

    /// Whether ``advance(into:)`` has something to do.
    var hasNews: Bool { canAdvance && ring.hasNews }

    /// Ends all events; nothing more is captured.
    func close() {
        publish(detection.finish())
        clips.endWaitingClips()
        publish(levelWatch.interrupt())
        commands.close()
        ring.close()
    }

    private var oldest: WindowPlanner.Order { .oldest(oldestFrame: features.oldestFrame) }

    /// Commands posted up to this position take effect before the piece. A gap may have grown after a command
    /// was posted, so that the command's position lies inside it.
    private func lastPosition(before piece: SampleRing.Read) -> Int64 {
        switch piece {
        case .samples(_, let start, _): start
        case .gap(_, let end, _): end - 1
        case .empty, .finished: planner.endSample
        }
    }

    private func obey(_ entry: CommandMailbox.Entry) throws(PipelineError) {
        switch entry.command {
        case .pause:
            try classifyBeforeInterruption(isBridged: false)
            publish(detection.finish())
            clips.endWaitingClips()
            publish(levelWatch.interrupt())
            condition.isGated = false
        case .sourceLost:
            // If samples after the command's position have been appended already, the stream continued
            // without a gap, and there is no interruption.
            guard entry.position >= planner.endSample else { return }
            isSourceLost = true
            try classifyBeforeInterruption(isBridged: true)
            publish(levelWatch.interrupt())
            condition.isGated = false
        case .setMutedAfter(let seconds): setMutedAfter(seconds: seconds)
        case .setLevel(let settings):
            guard settings != levelWatch.settings else { return }
            publish(levelWatch.interrupt())
            levelWatch = LevelWatch(settings)
        }
    }

    // MARK: Capture

    private func process(_ samples: UnsafeBufferPointer<Float>, lastSampleNanos: Int64) {
        let start = planner.endSample
        if let restart = planner.append(samples: samples.count) { follow(restart) }
        clock.update(
            endSample: planner.endSample, nanos: lastSampleNanos,
            wallOffsetNanos: SystemClock.wallOffsetNanos)
        let energy = SampleEnergy(of: samples)
        level.process(energy)
        gate?.process(energy)
        publish(levelWatch.process(samples, at: start))
        silenceWatchdog.recordArrival()
        isSourceLost = false
        muteDetector.process(samples)
        condition.isMuted = muteDetector.isMuted
        clips.process(samples, at: start)
        features.append(samples)
        records.publish(&spectrum, of: features, planner, clock)
    }

    /// Missing samples keep their place in time: a short gap is bridged with silence; after a long gap or a
    /// pause, a new stretch of windows starts.
    private func process(gap: Range<Int64>, _ reason: GapReason) {
        counters.count(gap, reason)
        publish(levelWatch.interrupt())
        let discontinuity = planner.append(gap: gap, isBridged: reason != .paused)
        records.publish(gaps: discontinuity.skippedSamples, .skipped)
        records.publish(gaps: [gap], Gap.Reason(reason))
        if case .appendSilence = discontinuity.action { gate?.processSilence(samples: gap.count) }
        follow(discontinuity.action)
        shareCounters()
    }

    private func follow(_ discontinuity: WindowPlanner.Discontinuity) {
        records.publish(gaps: discontinuity.skippedSamples, .skipped)
        follow(discontinuity.action)
    }

    private func follow(_ action: WindowPlanner.Discontinuity.Action) {
        switch action {
        case .appendSilence(let samples): features.appendSilence(samples: samples)
        case .restart(let position):
            features.reset()
            spectrum?.reset()
            publish(detection.skip(to: position))
        }
    }

    /// Classifies the last sound before an interruption at once, if need be in a padded window. A source that
    /// is not live continues where it was, without a gap: its next window will contain that sound.
    private func classifyBeforeInterruption(isBridged: Bool) throws(PipelineError) {
        if let window = planner.nextWindow(.newest) { try classify(window) }
        guard source.isLive,
            let window = planner.windowBeforeInterruption(
                isBridged: isBridged, oldestFrame: features.oldestFrame)
        else { return }
        features.appendSilence(samples: window.paddingSamples)
        try classify(window)
    }

    /// Ends the events of a source that was lost, or that has delivered nothing for three seconds, where they
    /// were last heard, without waiting for its return. Called when the ring is empty.
    private func endEventsOfSilentSource() {
        let now = SystemClock.bootNanos
        guard silenceWatchdog.tick(atNanos: now) || isSourceLost else { return }
        publish(detection.expire(at: clock.position(atNanos: now), heardUntil: planner.endSample))
        clips.endWaitingClips()
        publish(levelWatch.interrupt())
    }

    private func setMutedAfter(seconds: Double) {
        muteDetector.limitSamples = Int((seconds * Double(FrontendConfig.sampleRateHz)).rounded())
        condition.isMuted = muteDetector.isMuted
    }

    // MARK: Inference

    /// Classifies with other variants, which the scorer has. The stream and its features continue; the next
    /// window starts a multiple of the hop from where it would have started.
    func variantsChanged(to variants: [Variant]) {
        self.variants = variants
        limitHop()
        features.retain(for: variants)
        planner.change(windowFrames: variants.longestWindowFrames, oldestFrame: features.oldestFrame)
        publish(detection.replaceVariants(with: variants))
    }

    private func classify(_ window: WindowPlanner.Window) throws(PipelineError) {
        counters.skippedWindows += UInt64(window.skippedWindows)
        records.publish(gaps: window.skippedSamples, .skipped)
        let levelDBFS = level.readDBFS()
        var milliseconds: Double?
        for variant in variants {
            // Variants with a shorter window score the window's end.
            let end = window.frames.upperBound
            let start = max(window.frames.lowerBound, end - variant.frontend.windowFrames)
            let samples = planner.samples(ofFrames: start..<end)
            var result = WindowResult(variant: variant, samples: samples, levelDBFS: levelDBFS)
            if !isQuiet(from: samples.lowerBound) {
                let began = ContinuousClock.now
                result.scores = try score(variant, from: start)
                let passMilliseconds = (ContinuousClock.now - began) / .milliseconds(1)
                result.milliseconds = passMilliseconds
                milliseconds = (milliseconds ?? 0) + passMilliseconds
            }
            publish(result)
        }
        counters.levelDBFS = levelDBFS ?? -.infinity
        counters.countWindow(milliseconds: milliseconds)
        if let milliseconds { passSeconds = milliseconds / 1000 }
        watchGate(window, isGated: milliseconds == nil)
        watchOverload(window, milliseconds: milliseconds ?? 0)
        shareCounters()
    }

    private func score(
        _ variant: Variant, from frame: Int
    ) throws(PipelineError) -> UnsafeBufferPointer<Float> {
        let window = features.window(of: variant, from: frame)
        guard let scores = scorer.score(variant, features: window) else {
            throw .scoresNotFinite(variant.network.brokenWeights()?.description)
        }
        return scores
    }

    /// Whether everything from a sample to the end of the stream is quiet.
    private func isQuiet(from sample: Int64) -> Bool {
        gate.map { Int64($0.quietSamples) >= planner.endSample - sample } ?? false
    }

    // MARK: Detection and Wire

    private func publish(_ result: WindowResult) {
        let end = result.samples.upperBound
        let latencyNanos = SystemClock.bootNanos - clock.arrivalNanos(ofSampleBefore: end)
        counters.latency.add(seconds: Double(latencyNanos) / 1e9)
        records.publish(
            result, unixNanos: clock.publish(ofSampleBefore: end), latencyMs: Double(latencyNanos) / 1e6)
        publish(
            detection.update(
                scores: result.scores, of: result.variant, window: result.samples, clock))
    }

    private func publish(_ events: [DetectedEvent]) {
        let windowSamples = variants.longestWindowFrames * FrontendConfig.frameShiftSamples
        for event in events {
            guard let record = records.publish(event, clock) else { continue }
            if record.state == .begin { counters.events += 1 }
            clips.process(record, at: event.sample, windowSamples: windowSamples)
        }
    }

    private func publish(_ change: LevelWatch.Change?) {
        if let change { records.publish(change, &clock) }
    }

    func shareCounters() {
        let counters = counters
        sharedCounters.withLockedValue { $0 = counters }
    }
}
