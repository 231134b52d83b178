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
    }

    private var current = ClipSettings()
    private var history = SoundHistory()
    /// Events in progress, by id.
    private var open: [String: Clip] = [:]

    /// The settings to apply before the next samples.
    private let latest: NIOLockedValueBox<ClipSettings>
    private let waiting = Atomic<Int>(0)
    private let omitted = Atomic<Int>(0)
    /// Since the last clip that was written.
    private let omittedInSuccession = Atomic<Int>(0)
    private let queue = DispatchQueue(label: "astd-clips", qos: .utility)
    private let logger: Logger

    /// Most clips that may wait for the disk.
    private static let maximumWaiting = 8
    /// Most events of which clips are recorded at a time.
    private static let maximumOpen = 32
    /// History beyond the longest clip: an event is reported some time after its last sample.
    private static let slackSeconds = 30.0

    init(_ settings: ClipSettings, logger: Logger) {
        latest = NIOLockedValueBox(settings)
        self.logger = logger
        enforceLimit(settings)
    }

    /// Applies other settings: the limit at once, the others from the next samples on.
    func apply(_ settings: ClipSettings) {
        latest.withLockedValue { $0 = settings }
        enforceLimit(settings)
    }

    /// Clips that were not written since the start.
    var omittedClips: Int { omitted.load(ordering: .relaxed) }

    /// Blocks until all clips are written.
    func finish() { queue.sync {} }

    /// Adds the stream's next samples to the history.
    func process(_ samples: UnsafeBufferPointer<Float>, at position: Int64) {
        let settings = latest.withLockedValue { $0 }
        if settings != current { change(to: settings) }
        guard settings.directory != nil else { return }
        history.append(samples, at: position)
        for (id, clip) in open where history.end >= clip.start + Self.samples(settings.maximumSeconds) {
            cut(clip, end: history.end)
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
            open[event.id] = Clip(event: event, start: max(history.start, sample - Int64(windowSamples)))
        case .end:
            guard let clip = open.removeValue(forKey: event.id) else { return }
            cut(clip, end: sample)
        }
    }

    private func enforceLimit(_ settings: ClipSettings) {
        guard let store = ClipStore(settings) else { return }
        queue.async { [logger] in
            let removed = store.removeOldest()
            guard removed > 0 else { return }
            logger.info(
                "removed the oldest \(removed == 1 ? "clip" : "\(removed) clips"): the limit is \(settings.maximumMegabytes) MB"
            )
        }
    }

    private func change(to settings: ClipSettings) {
        let needsRoom = settings.directory == nil ? 0 : settings.maximumSeconds + Self.slackSeconds
        if settings.directory == nil { open = [:] }
        if Int(Self.samples(needsRoom)) != history.capacity {
            history = SoundHistory(capacity: Int(Self.samples(needsRoom)))
            open = [:]
        }
        current = settings
    }

    private func cut(_ clip: Clip, end: Int64) {
        let longest = clip.start + Self.samples(current.maximumSeconds)
        let samples = history.copy(clip.start..<max(clip.start, min(end, longest)))
        guard !samples.isEmpty, let store = ClipStore(current) else { return }
        guard waiting.load(ordering: .acquiring) < Self.maximumWaiting else {
            return omit("the disk is too slow")
        }
        waiting.add(1, ordering: .acquiringAndReleasing)
        queue.async {
            if let problem = store.write(samples, of: clip.event) {
                self.omit(problem)
            } else {
                self.endOmissions()
            }
            self.waiting.subtract(1, ordering: .acquiringAndReleasing)
        }
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
    fileprivate init?(_ settings: ClipSettings) {
        guard let directory = settings.directory else { return nil }
        self.init(directory: directory, maximumBytes: settings.maximumMegabytes * 1_000_000)
    }
}
