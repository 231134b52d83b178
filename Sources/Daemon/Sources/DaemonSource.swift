internal import Capture
internal import Detection
private import Frontend
internal import Logging
internal import Recognizer
internal import Settings
internal import Wire

/// One source, and everything that each source has for itself.
///
///     source ─► ring ─► pipeline (features, planner, detection, clips) ─► hub
///        │                 ▲
///        ▼                 │ commands
///     monitor ─────────────┘
///
/// Threading: any thread.
final class DaemonSource: Sendable {
    /// What all sources of a daemon share.
    ///
    /// SAFETY: unchecked because of `scorer`, which the engine thread alone uses.
    struct Shared: @unchecked Sendable {
        var hub: EventHub
        var engine: EngineMailbox
        var scorer: WindowScorer
        var signal: WakeSignal
        var numbers: RecordNumbers
        var run: RunID
        /// Frames that the features of a stream retain at least.
        var minimumFrames: Int
        /// Those that classify a source now, by its name.
        var variants: @Sendable (String?) -> [Variant]
        var pauses: PauseRegister
        var clips = ClipLedger()
        var clock = WallClock.system
        var logger: Logger
    }

    /// Its name and settings.
    let stream: StreamSettings
    let spec: SourceSpec
    let input: any AudioSource
    let monitor: SourceMonitor
    let pause: SourcePause
    let pipeline: Pipeline
    let detection: EventDetection
    let clips: ClipRecorder
    private let ring: SampleRing
    private let pauses: PauseRegister

    /// Makes the source; nothing is opened before ``start()``.
    ///
    /// - Parameters:
    ///   - captures: Of the sources with `channel: each` that are made at the same time.
    ///   - onChange: Called when ``SourceMonitor/line`` may have changed.
    /// - Throws: ``CaptureError/badSpec(found:)``.
    init(
        _ stream: StreamSettings, _ shared: Shared, _ captures: ChannelCaptures,
        onChange: @escaping @Sendable () -> Void
    ) throws(CaptureError) {
        let (name, settings) = (stream.name, stream.settings)
        let logger = shared.logger
        let label = name.map { "source \($0): " } ?? ""
        self.stream = stream
        spec = try SourceSpec(parsing: settings.source)
        let traits = SourceTraits(spec, isPaced: !settings.fast)
        let signal = SignalSettings(settings)
        pauses = shared.pauses
        let quiet = QuietSchedule(hours: Self.quietHours(settings, spec))
        var reasons = PauseReasons(
            request: Self.request(of: name, spec, pauses),
            isWaiting: settings.waitForSubscriber && !traits.isLive)
        reasons.setQuiet(quiet.period(by: shared.clock))
        let startsPaused = reasons.message != nil
        let original = settings.clips.original && traits.isLive ? OriginalRing() : nil
        if let capture = captures.capture(of: stream, spec, signal), let channel = stream.channel {
            input = capture.source(
                channel: channel.number, startsPaused: startsPaused, original: original)
        } else {
            input = spec.makeSource(
                paced: !settings.fast, startsPaused: startsPaused, signal: signal, pulseServer: nil,
                original: original)
        }
        if !traits.isLive, signal != SignalSettings() {
            logger.warning(
                "\(label)channel, gain_db and high_pass_hz have no effect on a file or standard input")
        }
        if case .recorded(let start?) = traits.pace {
            logger.info("\(label)times count from the recording's begin at \(Timestamp(unixNanos: start))")
        }
        // Ten seconds. A longer wait for the engine loses samples, which are reported as a gap.
        ring = SampleRing(
            capacitySamples: 10 * FrontendConfig.sampleRateHz, dataSignal: shared.signal
        ) {
            logger.warning(
                "\(label)invalid samples (NaN, infinite or beyond 1e15); replacing them by silence")
        }
        let commands = CommandMailbox(ring: ring)
        monitor = SourceMonitor(
            source: name, channel: stream.channel?.number, name: input.name, hub: shared.hub,
            commands: commands, logger: logger,
            onChange: onChange)
        pause = SourcePause(input, monitor, reasons, quiet, shared.clock)
        detection = EventDetection(
            rules: settings.detection, hopFrames: settings.hopFrames, source: name, run: shared.run,
            numbers: shared.numbers)
        clips = ClipRecorder(settings.clips, ledger: shared.clips, original: original, logger: logger)
        let variants = shared.variants(name)
        pipeline = Pipeline(
            ring: ring, commands: commands,
            features: LiveFeatures(
                for: variants,
                historyFrames: max(settings.hopFrames, settings.adaptsHop ? variants.longestWindowFrames : 0),
                minimumFrames: shared.minimumFrames),
            scorer: shared.scorer, variants: variants, numbers: shared.numbers, detection: detection,
            clips: clips, hub: shared.hub, Pipeline.Configuration(stream, traits), logger: logger,
            onCondition: monitor.process)
    }

    /// - Throws: ``CaptureError`` when a file or standard input cannot be read.
    func start() throws(CaptureError) {
        monitor.begin()
        try pause.start(request: Self.request(of: name, spec, pauses)) { () throws(CaptureError) in
            try input.start(into: ring, onEvent: monitor.process)
        }
    }

    /// The pause with which a source starts. A file is a recording, which is read from its begin after a
    /// restart.
    private static func request(
        of name: String?, _ spec: SourceSpec, _ pauses: PauseRegister
    ) -> RequestedPause? {
        let request = pauses.request(of: name)
        if case .file = spec, request?.isFromBefore == true { return nil }
        return request
    }

    /// Applies the settings that can change at run time.
    func apply(_ settings: DaemonSettings) {
        pipeline.apply(settings)
        pause.setQuietHours(Self.quietHours(settings, spec))
    }

    /// A file is a recording, which is read at any time.
    private static func quietHours(_ settings: DaemonSettings, _ spec: SourceSpec) -> [QuietHours] {
        if case .file = spec { [] } else { settings.quietHours }
    }

    /// Its name in the settings, and the channel where each is a source; `nil` for a single source without a
    /// name.
    var name: String? { stream.name }

    /// All of its settings, also those that it shares with others.
    var settings: DaemonSettings { stream.settings }

    /// Whether a request with this name concerns it: a source with `channel: each` stands for all of its
    /// channels.
    func answers(to name: String) -> Bool { stream.name == name || stream.channel?.source == name }

    var counters: SourceCounters {
        let counted = pipeline.currentCounters
        var counters = SourceCounters()
        counters.windows = counted.windows
        counters.skippedWindows = counted.skippedWindows
        counters.gatedWindows = counted.gatedWindows
        counters.overrunSamples = counted.overrunSamples
        counters.lostSamples = counted.lostSamples
        counters.pausedSamples = counted.pausedSamples
        counters.invalidSamples = UInt64(ring.unusableSamples)
        counters.clippedSamples = UInt64(input.clippedSamples)
        return counters
    }

    /// The hop of the moment.
    var hopSeconds: Double {
        let frames = pipeline.currentCounters.hopFrames ?? settings.hopFrames
        return Double(frames * FrontendConfig.frameShiftSamples) / Double(FrontendConfig.sampleRateHz)
    }
}

extension SourceSpec {
    var isPulse: Bool { if case .pulse = self { true } else { false } }
}

extension SignalSettings {
    fileprivate init(_ settings: DaemonSettings) {
        self.init(
            channel: SourceChannel(settings.channel) ?? .mix, gainDB: settings.gainDB,
            highPassHz: settings.highPassHz)
    }
}

extension Pipeline.Configuration {
    fileprivate init(_ stream: StreamSettings, _ source: SourceTraits) {
        let settings = stream.settings
        self.init(
            name: stream.name, channel: stream.channel?.number, hopFrames: settings.hopFrames,
            adaptsHop: settings.adaptsHop,
            gate: settings.gate.map(EnergyGate.init(thresholdDBFS:)), source: source,
            mutedAfterSeconds: settings.mutedAfter, level: settings.level,
            hasSpectrum: settings.spectrum)
    }
}

/// The captures of sources with `channel: each`, while their streams are made. One thread.
final class ChannelCaptures {
    private var captures: [String?: ChannelCapture] = [:]

    /// The capture that a stream shares; `nil` for a stream with a capture of its own.
    fileprivate func capture(
        of stream: StreamSettings, _ spec: SourceSpec, _ signal: SignalSettings
    ) -> ChannelCapture? {
        guard let channel = stream.channel else { return nil }
        if let capture = captures[channel.source] { return capture }
        let capture = ChannelCapture(spec, channels: channel.count, signal: signal, pulseServer: nil)
        captures[channel.source] = capture
        return capture
    }
}
