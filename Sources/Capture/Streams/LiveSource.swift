private import Synchronization

/// Captures from a stream of bytes that comes and goes: a named pipe or Unix socket with its writers, or a
/// program that is started again.
///
/// It is live: a writer that ends or stalls leaves a `source_lost` gap, as long as real time, and the next
/// writer continues the stream, in any format. A writer that is faster than real time waits (``PaceLimit``).
///
/// Threading: as ``AudioSource`` says. Events are delivered on a queue of their own, in order.
final class LiveSource: OutletSource {
    let name: String
    private let subject: String
    private let thread = ThreadedSource()
    private let makeOpener: @Sendable () -> any LiveInputOpener
    private let format: SampleFormat?
    private let signal: SignalSettings
    private let threadName: String
    private let startsPaused: Bool
    private let original: OriginalRing?
    private let counters = SignalCounters()
    private let reports = Mutex<LiveReports?>(nil)

    var clippedSamples: Int64 { counters.clippedSamples }

    /// - Parameters:
    ///   - subject: The path or the program, for messages.
    ///   - format: Format of samples without a header, which then are not examined; nil for 16-bit mono
    ///     samples at 16 kHz unless they look like something else.
    ///   - startsPaused: Whether nothing is opened before ``resume()``.
    ///   - original: Receives the frames as they were captured.
    ///   - makeOpener: Called on the source's thread, once.
    init(
        name: String, subject: String, threadName: String, format: SampleFormat?, signal: SignalSettings,
        startsPaused: Bool, original: OriginalRing? = nil,
        makeOpener: @escaping @Sendable () -> any LiveInputOpener
    ) {
        self.name = name
        self.subject = subject
        self.threadName = threadName
        self.makeOpener = makeOpener
        self.format = format
        self.signal = signal
        self.startsPaused = startsPaused
        self.original = original
    }

    deinit { stop() }

    /// Starts to open the stream; what is wrong with it is reported as `lost`, and astd tries again.
    ///
    /// - Throws: `thread` when the system refuses another thread.
    func start(
        into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let chain = SignalChain(signal, counters: counters)
        let outlet = CaptureOutlet(ring: ring, chain: chain, original: original)
        try start(into: CaptureOutlets([outlet]), onEvent: onEvent)
    }

    func start(
        into outlets: CaptureOutlets, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let reports = LiveReports(name: name, events: SourceEventQueue(handler: onEvent))
        self.reports.withLock { $0 = reports }
        if startsPaused { reports.pause() }
        let (subject, makeOpener, format) = (subject, makeOpener, format)
        let (stop, pause) = (thread.stop, thread.pauseGate)
        try thread.start(into: outlets.rings, threadName: threadName, isPaused: startsPaused) {
            let capture = LiveCapture(
                subject: subject, opener: makeOpener(), format: format, outlets: outlets, reports: reports,
                stop: stop, pause: pause)
            capture.run()
        }
    }

    /// Closes the pipe or socket, or ends the program; its writer notices that nobody reads.
    func pause() {
        guard thread.setPaused(true), let reports = reports.withLock({ $0 }) else { return }
        reports.pause()
    }

    func resume() {
        guard thread.isPaused, let reports = reports.withLock({ $0 }) else { return }
        reports.resume()
        _ = thread.setPaused(false)
    }

    func stop() {
        thread.end()
        reports.withLock { $0 }?.drain()
    }
}

/// The health of a live source, and the events that report it.
///
/// Threading: any thread.
final class LiveReports: Sendable {
    private let name: String
    private let events: SourceEventQueue
    private let state = Mutex(State())

    private struct State {
        var health = SourceHealth()
        var isPaused = false
        /// Of the gap before the next samples.
        var gapReason = GapReason.sourceLost
    }

    init(name: String, events: SourceEventQueue) {
        self.name = name
        self.events = events
    }

    var isLost: Bool { state.withLock { $0.health.state == .lost } }

    /// Samples arrive.
    ///
    /// - Returns: Why those before them are missing.
    func healthy() -> GapReason {
        state.withLock { state in
            defer { if !state.isPaused { state.gapReason = .sourceLost } }
            report(.healthy, &state)
            return state.gapReason
        }
    }

    func lost(_ reason: String) { state.withLock { report(.lost, &$0, because: reason) } }

    /// The signal of an outlet has changed.
    func signal(_ condition: SignalCondition, outlet: Int) {
        events.post(SourceEvent(state: .healthy, name: name, signal: condition, outlet: outlet))
    }

    /// Returns when the event has been delivered; nothing else is reported until ``resume()``.
    func pause() {
        state.withLock { state in
            if state.health.state == .healthy { state.gapReason = .paused }
            report(.paused, &state)
            state.isPaused = true
        }
        drain()
    }

    func resume() {
        state.withLock { state in
            state.isPaused = false
            report(.recovering, &state)
        }
    }

    /// Returns when all events have been delivered.
    func drain() { events.drain() }

    private func report(
        _ next: SourceEvent.State, _ state: inout State, because reason: String? = nil
    ) {
        if state.isPaused || !state.health.move(to: next, because: reason) { return }
        events.post(SourceEvent(state: next, name: name, message: reason))
    }
}

/// Limits how much faster than real time a live stream is read: five seconds at once, then a quarter faster.
///
/// A camera that delivers what it held back during a fault catches up. A file that is copied into a pipe
/// plays about in real time instead of overrunning the ring; its writer waits.
struct PaceLimit {
    private var allowanceNanos = Self.burstNanos
    private var lastNanos: Int64

    private static let burstNanos = 5 * SystemClock.nanosPerSecond

    init(atNanos nanos: Int64) { lastNanos = nanos }

    /// - Parameters:
    ///   - samples: How many have just been read.
    ///   - nanos: The time now, on the monotonic clock.
    /// - Returns: How long to wait before more are read.
    mutating func record(samples: Int, atNanos nanos: Int64) -> Int64 {
        let refill = (nanos - lastNanos) / 4 * 5
        lastNanos = nanos
        allowanceNanos = min(Self.burstNanos, allowanceNanos + refill)
        allowanceNanos -= Int64(samples) * CaptureFormat.nanosPerSample
        return max(0, -allowanceNanos / 5 * 4)
    }
}
