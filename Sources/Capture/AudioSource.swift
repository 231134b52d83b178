/// A source of samples for the ring: a PulseAudio source, a file or standard input.
///
/// A source runs a thread of its own between `start` and `stop` and is started at most once.
///
/// Threading: methods may be called from any thread, but not by `onEvent`.
public protocol AudioSource: AnyObject, Sendable {
    /// The requested source, as ``SourceSpec/description`` writes it.
    var name: String { get }

    /// Why the stream ended other than by its end or by ``stop()``: it cannot be read, or is cut off. Known
    /// when the ring is finished; nil for a source that has no end.
    var failure: CaptureError? { get }

    /// Samples at full scale so far, in the channels that are used; 0 for a source that does not count them.
    var clippedSamples: Int64 { get }

    /// Starts to capture.
    ///
    /// - Parameters:
    ///   - ring: Receives the samples. This source is its only producer, and finishes it at the end of the
    ///     stream or when it is stopped.
    ///   - onEvent: Called with no lock held when the source's health changes: by a PulseAudio source on a
    ///     queue of its own, by others on the source's thread or on that of a caller of ``pause()`` or
    ///     ``resume()``, possibly at the same time. It must be thread-safe, return soon, and not call this
    ///     source.
    /// - Throws: ``CaptureError`` when the source cannot be captured from; then no thread is left running and
    ///     the ring is unchanged.
    func start(into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void) throws(CaptureError)

    /// Stops capturing until ``resume()``: disconnects from a server, stops reading a file or a pipe. Returns
    /// after `onEvent` has returned. Does nothing when the source is paused, not started or stopped.
    func pause()

    /// Captures again. The pause of a live source is a gap in the stream; a file continues where it was.
    func resume()

    /// Ends the capture; returns when the thread has ended. May be called more than once, and before `start`.
    func stop()
}

extension AudioSource {
    public var failure: CaptureError? { nil }
    public var clippedSamples: Int64 { 0 }
}

/// A change of a source's health.
public struct SourceEvent: Sendable, Equatable {
    /// The health of a source.
    public enum State: String, Sendable {
        /// Samples arrive.
        case healthy
        /// Samples do not arrive; the source reconnects.
        case lost
        /// The source is back; the first samples have not arrived yet.
        case recovering
        /// Capture is paused.
        case paused
        /// The file or stream was read to its end.
        case ended
    }

    public let state: State
    /// What `--source` accepts for this source: the scheme, and the name that the server gave where it is
    /// known (`pulse:alsa_input.pci-0000_00_1f.3.analog-stereo`), otherwise the requested pattern
    /// (`pulse:*USB*`, `pulse`). The list of sources has the same form.
    public let name: String
    /// What happened, in words; nil when the state says it all.
    public let message: String?
    /// What is wrong with the sound, when that has changed; then the state has not.
    public let signal: SignalCondition?
    /// Which of the streams of the capture this concerns, counted from 0; nil for all of them.
    let outlet: Int?

    public init(state: State, name: String, message: String? = nil, signal: SignalCondition? = nil) {
        self.init(state: state, name: name, message: message, signal: signal, outlet: nil)
    }

    init(state: State, name: String, message: String? = nil, signal: SignalCondition?, outlet: Int?) {
        self.state = state
        self.name = name
        self.message = message
        self.signal = signal
        self.outlet = outlet
    }
}
