import Synchronization

/// Listens to a source of a PulseAudio server, or of PipeWire in its place.
///
/// The server converts to 16 kHz mono. When the server or the source is not there, goes away, or is silent for three
/// seconds, the source looks for it until it is back; the time in between becomes a gap in the stream.
public final class PulseSource: AudioSource {
    public let name: String
    private let pattern: String?
    private let server: String?
    private let state = Mutex<State>(.idle)

    private enum State {
        case idle
        case running(PulseSession)
        case ended
    }

    /// - Parameters:
    ///   - pattern: Glob over the names and descriptions of sources; nil for the server's default, which may
    ///     change while it is listened to.
    ///   - server: The server's address; nil for `PULSE_SERVER` or the user's own.
    public init(pattern: String?, server: String?) {
        self.pattern = pattern
        self.server = server
        name = SourceSpec.pulse(pattern: pattern).description
    }

    deinit { stop() }

    /// Connects, and returns once the stream stands or is known not to; two seconds at most.
    ///
    /// A server or a source that is not there is told through `onEvent` as lost, and waited for.
    ///
    /// - Throws: `noServer` when the system gives no thread or no memory to look for one.
    public func start(
        into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        try state.withLock { state throws(CaptureError) in
            guard case .idle = state else { preconditionFailure("a source is started once") }
            let session = try PulseSession(pattern: pattern, server: server, ring: ring, onEvent: onEvent)
            do throws(CaptureError) {
                try session.open()
            } catch {
                session.close()
                throw error
            }
            state = .running(session)
        }
    }

    /// Disconnects from the server: nothing is recorded.
    public func pause() {
        state.withLock { if case .running(let session) = $0 { session.pause() } }
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
        session.ring.finish()
    }
}
