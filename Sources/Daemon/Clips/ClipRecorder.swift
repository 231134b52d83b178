private import Dispatch
private import Frontend
internal import Logging
private import NIOConcurrencyHelpers
internal import Settings
private import Synchronization
internal import Wire

/// Keeps the sound of events on disk, where the settings say so.
///
/// Threading: ``use(_:)`` from anywhere, the rest on the listening thread. That thread only copies samples; a queue
/// writes them, and a clip that finds too many waiting is left out, counted and logged.
///
/// SAFETY: unchecked because `history`, `open` and `current` belong to the listening thread; the others are
/// synchronised.
final class ClipRecorder: @unchecked Sendable {
    private struct Clip {
        var event: EventRecord
        var start: Int64
    }

    private var current = ClipSettings()
    private var history = SoundHistory()
    /// Events whose clips are not cut yet, by id.
    private var open: [UInt64: Clip] = [:]

    private let wanted: NIOLockedValueBox<ClipSettings>
    private let waiting = Atomic<Int>(0)
    private let omitted = Atomic<Int>(0)
    private let queue = DispatchQueue(label: "astd-clips", qos: .utility)
    private let logger: Logger

    /// Clips that wait for the disk, at most.
    private static let maximumWaiting = 8
    /// Events of which clips are made at a time, at most.
    private static let maximumOpen = 32
    /// What may pass between a clip's last sample and its cutting.
    private static let slackSeconds = 30.0

    init(_ settings: ClipSettings, logger: Logger) {
        wanted = NIOLockedValueBox(settings)
        self.logger = logger
    }

    func use(_ settings: ClipSettings) { wanted.withLockedValue { $0 = settings } }

    /// Clips that were left out since the start.
    var omittedClips: Int { omitted.load(ordering: .relaxed) }

    /// Waits until the disk has everything.
    func finish() { queue.sync {} }

    /// The stream's next samples.
    func hear(_ samples: UnsafeBufferPointer<Float>, at position: Int64) {
        let settings = wanted.withLockedValue { $0 }
        if settings != current { change(to: settings) }
        guard settings.directory != nil else { return }
        history.add(samples, at: position)
        for (id, clip) in open where history.end >= clip.start + Self.samples(settings.maximumSeconds) {
            cut(clip, end: history.end)
            open[id] = nil
        }
    }

    /// - Parameters:
    ///   - sample: Where the event began or ended.
    ///   - windowSamples: The sound that made it an event is in so many samples before that.
    func take(_ event: EventRecord, at sample: Int64, windowSamples: Int) {
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
        guard !samples.isEmpty, let directory = current.directory else { return }
        guard waiting.load(ordering: .acquiring) < Self.maximumWaiting else {
            return omit("the disk is too slow")
        }
        waiting.add(1, ordering: .acquiringAndReleasing)
        let store = ClipStore(directory: directory, maximumBytes: current.maximumMegabytes * 1_000_000)
        queue.async {
            if let problem = store.keep(samples, of: clip.event) { self.omit(problem) }
            self.waiting.subtract(1, ordering: .acquiringAndReleasing)
        }
    }

    private func omit(_ reason: String) {
        omitted.add(1, ordering: .relaxed)
        logger.warning("a clip was left out: \(reason)")
    }

    private static func samples(_ seconds: Double) -> Int64 {
        Int64((seconds * Double(FrontendConfig.sampleRateHz)).rounded())
    }
}
