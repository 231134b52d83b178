internal import Capture
private import Dispatch
private import Frontend
internal import Logging
internal import Settings
private import NIOConcurrencyHelpers
private import Synchronization
internal import Wire

/// Writes the sound of events to disk where the settings say so.
///
/// Threading: ``apply(_:)`` and ``omittedClips`` on any thread, the rest on the engine thread. That thread
/// only copies samples; a queue writes them. When too many clips wait for the disk, further ones are omitted,
/// counted and logged.
///
/// SAFETY: unchecked because `history`, `open` and `current` belong to the engine thread; the others are
/// synchronised.
final class ClipRecorder: @unchecked Sendable {
    private struct Clip {
        var event: EventRecord
        var start: Int64
        /// Where it ends, once the event has ended; its last samples may not have been captured yet.
        var end: Int64?
    }

    private var current = ClipSettings()
    private var history = SoundHistory()
    /// The sound as it was captured; `nil`: clips have 16 kHz.
    private let originalRing: OriginalRing?
    private var originals = OriginalHistory(seconds: 0)
    /// Whether the log has said that the sound of the source is too much.
    private var hasReportedExcess = false
    /// Clips of events in progress, and those that wait for the sound after their event, by the event's id.
    private var open: [String: Clip] = [:]

    /// The settings to apply before the next samples.
    private let latest: NIOLockedValueBox<ClipSettings>
    private let waiting = Atomic<Int>(0)
    private let omitted = Atomic<Int>(0)
    /// Since the last clip that was written.
    private let omittedInSuccession = Atomic<Int>(0)
    private let queue = DispatchQueue(label: "astd-clips", qos: .utility)
    private let timer: any DispatchSourceTimer
    private let ledger: ClipLedger
    private let logger: Logger

    /// Most clips that may wait for the disk.
    private static let maximumWaiting = 8
    /// Most events of which clips are recorded at a time.
    private static let maximumOpen = 32
    /// History beyond the longest clip: an event is reported some time after its last sample.
    private static let slackSeconds = 30.0
    /// Between two looks at the age of the clips.
    private static let checkSeconds = 600.0

    /// - Parameters:
    ///   - ledger: Of all sources that may write to the same directory.
    ///   - original: The sound as it was captured, which clips then have.
    init(
        _ settings: ClipSettings, ledger: ClipLedger = ClipLedger(), original: OriginalRing? = nil,
        logger: Logger
    ) {
        originalRing = original
        latest = NIOLockedValueBox(settings)
        self.ledger = ledger
        self.logger = logger
        timer = DispatchSource.makeTimerSource(queue: queue)
        enforceLimit(settings)
        // Clips also age while no event ends.
        timer.schedule(
            deadline: .now() + Self.checkSeconds, repeating: Self.checkSeconds, leeway: .seconds(60))
        timer.setEventHandler { [weak self] in self?.removeOldClips() }
        timer.resume()
    }

    deinit { timer.cancel() }

    /// Applies other settings: the limit at once, the others from the next samples on.
    func apply(_ settings: ClipSettings) {
        latest.withLockedValue { $0 = settings }
        enforceLimit(settings)
    }

    /// Clips that were not written since the start.
    var omittedClips: Int { omitted.load(ordering: .relaxed) }

    /// Blocks until all clips are written.
    func finish() { queue.sync {} }

    /// Writes the clips that wait for the sound after their event: the stream has ended, or is interrupted.
    func endWaitingClips() {
        for (id, clip) in open where clip.end != nil {
            cut(clip, end: history.end)
            open[id] = nil
        }
    }

    /// Adds the stream's next samples to the history.
    func process(_ samples: UnsafeBufferPointer<Float>, at position: Int64) {
        let settings = latest.withLockedValue { $0 }
        if settings != current { change(to: settings) }
        if let originalRing {
            originals.read(originalRing, before: position + Int64(samples.count))
            reportExcess()
        }
        guard settings.directory != nil else { return }
        // The history drops what is before a gap.
        if position != history.end { endWaitingClips() }
        history.append(samples, at: position)
        let longest = Self.samples(settings.maximumSeconds)
        for (id, clip) in open where history.end >= min(clip.end ?? .max, clip.start + longest) {
            cut(clip, end: clip.end ?? history.end)
            open[id] = nil
        }
    }

    /// Starts a clip at the begin of an event, and writes it at its end.
    ///
    /// - Parameters:
    ///   - sample: Where the event began or ended.
    ///   - windowSamples: The length of the window that ends there and contains the sound.
    func process(_ event: EventRecord, at sample: Int64, windowSamples: Int) {
        guard current.directory != nil else { return }
        switch event.state {
        case .begin:
            guard open.count < Self.maximumOpen else { return omit("too many events at a time") }
            let begin = sample - Int64(windowSamples) - Self.samples(current.preSeconds)
            open[event.id] = Clip(event: event, start: max(history.start, begin))
        case .end:
            guard var clip = open.removeValue(forKey: event.id) else { return }
            let end = sample + Self.samples(current.postSeconds)
            if end <= history.end { return cut(clip, end: end) }
            clip.end = end
            open[event.id] = clip
        }
    }

    private func enforceLimit(_ settings: ClipSettings) {
        queue.async { self.removeOldClips(settings) }
    }

    private func removeOldClips() { removeOldClips(latest.withLockedValue { $0 }) }

    /// Called on the queue.
    private func removeOldClips(_ settings: ClipSettings) {
        guard let store = ClipStore(settings, ledger) else { return }
        let removed = store.removeOldest()
        func clips(_ count: Int) -> String { count == 1 ? "clip" : "\(count) clips" }
        if removed.beyondLimit > 0 {
            logger.info(
                "removed the oldest \(clips(removed.beyondLimit)): the limit is \(store.limitText)")
        }
        if removed.tooOld > 0, let days = settings.maximumDays {
            logger.info("removed \(clips(removed.tooOld)): older than \(days) days")
        }
    }

    private func change(to settings: ClipSettings) {
        let needsRoom =
            settings.directory == nil ? 0 : settings.maximumSeconds + settings.preSeconds + Self.slackSeconds
        if settings.directory == nil { open = [:] }
        if Int(Self.samples(needsRoom)) != history.capacity {
            history = SoundHistory(capacity: Int(Self.samples(needsRoom)))
            originals = OriginalHistory(seconds: needsRoom)
            open = [:]
        }
        current = settings
    }

    private func cut(_ clip: Clip, end: Int64) {
        let longest = clip.start + Self.samples(current.maximumSeconds)
        let range = clip.start..<max(clip.start, min(end, longest))
        let samples = history.copy(range)
        let original = originals.copy(range.clamped(to: history.start..<history.end))
        guard !samples.isEmpty, let store = ClipStore(current, ledger) else { return }
        guard waiting.load(ordering: .acquiring) < Self.maximumWaiting else {
            return omit("the disk is too slow")
        }
        waiting.add(1, ordering: .acquiringAndReleasing)
        queue.async {
            let problem =
                original.map { store.write($0, of: clip.event) } ?? store.write(samples, of: clip.event)
            if let problem {
                self.omit(problem)
            } else {
                self.endOmissions()
            }
            self.waiting.subtract(1, ordering: .acquiringAndReleasing)
        }
    }

    /// A format that needs too much memory: its clips have 16 kHz.
    private func reportExcess() {
        guard let bytes = originals.excessBytes, !hasReportedExcess else { return }
        hasReportedExcess = true
        logger.warning(
            """
            clips have 16 kHz: \(originals.seconds) s of the original sound need \(bytes / 1_000_000) MB, \
            more than \(OriginalHistory.maximumBytes / 1_000_000) MB; lower clips.maximum_seconds
            """)
    }

    private func omit(_ reason: String) {
        omitted.add(1, ordering: .relaxed)
        // A full disk omits every clip; the first line says so.
        if omittedInSuccession.add(1, ordering: .relaxed).oldValue == 0 {
            logger.warning("omitted a clip: \(reason)")
        }
    }

    private func endOmissions() {
        let count = omittedInSuccession.exchange(0, ordering: .relaxed)
        guard count > 0 else { return }
        logger.info("clips are written again; \(count) \(count == 1 ? "was" : "were") omitted")
    }

    private static func samples(_ seconds: Double) -> Int64 {
        Int64((seconds * Double(FrontendConfig.sampleRateHz)).rounded())
    }
}

extension ClipStore {
    /// `nil` when no clips are kept.
    fileprivate init?(_ settings: ClipSettings, _ ledger: ClipLedger) {
        guard let directory = settings.directory else { return nil }
        self.init(
            directory: directory, maximumBytes: settings.maximumMegabytes * 1_000_000,
            maximumDiskPercent: settings.maximumDiskPercent, maximumDays: settings.maximumDays, ledger: ledger
        )
    }
}
