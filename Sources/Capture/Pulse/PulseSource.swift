import Synchronization

/// Captures from a source of a PulseAudio server, or of PipeWire in its place.
///
/// The server converts to 16 kHz, unless the rate is kept, and delivers the source's own channels, of which
/// ``SignalSettings`` selects. When the server or the source is missing, disappears, or delivers nothing for
/// three seconds, `PulseSource` reconnects until it is back; the time in between becomes a gap in the stream.
///
/// Threading: all methods may be called from any thread but the one that calls `onEvent`. Events are
/// delivered on a queue of their own, in order and with no lock held; `start`, `pause` and `stop` return
/// after the events that they cause.
public final class PulseSource: OutletSource {
    public let name: String
    private let pattern: String?
    private let server: String?
    private let signal: SignalSettings
    private let startsPaused: Bool
    private let keepsRate: Bool
    private let original: OriginalRing?
    private let counters = SignalCounters()
    private let state = Mutex<State>(.idle)

    private enum State {
        case idle
        case running(PulseSession)
        case ended
    }

    /// - Parameters:
    ///   - pattern: Glob over the names and descriptions of sources; nil for the server's default, which may
    ///     change during the capture.
    ///   - server: The server's address; nil for `PULSE_SERVER` or the user's own.
    ///   - signal: What happens to the sound before it is classified.
    ///   - startsPaused: Whether it does not connect before ``resume()``.
    ///   - keepsRate: Whether astd resamples instead of the server.
    ///   - original: Receives the frames as they were captured.
    public init(
        pattern: String?, server: String?, signal: SignalSettings = SignalSettings(),
        startsPaused: Bool = false, keepsRate: Bool = false, original: OriginalRing? = nil
    ) {
        self.pattern = pattern
        self.server = server
        self.signal = signal
        self.startsPaused = startsPaused
        self.keepsRate = keepsRate
        self.original = original
        name = SourceSpec.pulse(pattern: pattern).description
    }

    deinit { stop() }

    public var clippedSamples: Int64 { counters.clippedSamples }

    /// Connects, and returns when the stream is ready or the first attempt has failed; after two seconds at
    /// most. A source that starts paused does not connect.
    ///
    /// A missing server or source is reported as `lost`, and waited for.
    ///
    /// - Throws: `noServer` when a thread or memory is lacking.
    public func start(
        into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let chain = SignalChain(signal, counters: counters)
        let outlet = CaptureOutlet(ring: ring, chain: chain, original: original)
        try start(into: CaptureOutlets([outlet]), onEvent: onEvent)
    }

    func start(
        into outlets: CaptureOutlets, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let events = SourceEventQueue(handler: onEvent)
        try state.withLock { state throws(CaptureError) in
            guard case .idle = state else { preconditionFailure("a source is started once") }
            let session = try PulseSession(
                pattern: pattern, server: server, keepsRate: keepsRate, outlets: outlets, events: events)
            do throws(CaptureError) {
                try session.open(isPaused: startsPaused)
            } catch {
                session.close()
                throw error
            }
            state = .running(session)
        }
        events.drain()
    }

    /// Disconnects from the server, so that it shows no active recorder.
    public func pause() {
        let events: SourceEventQueue? = state.withLock { state in
            guard case .running(let session) = state else { return nil }
            session.pause()
            return session.events
        }
        events?.drain()
    }

    public func resume() {
        state.withLock { if case .running(let session) = $0 { session.resume() } }
    }

    /// Disconnects, ends the thread, and finishes the stream.
    public func stop() {
        let before = state.withLock { state in
            let before = state
            state = .ended
            return before
        }
        guard case .running(let session) = before else { return }
        session.close()
        session.events.drain()
        for ring in session.outlets.rings { ring.finish() }
    }
}
