/// Something that can be listened to: a PulseAudio source, a file, standard input.
///
/// A source runs a thread of its own between `start` and `stop` and is started at most once.
public protocol AudioSource: AnyObject, Sendable {
    /// What was asked for, as in ``SourceSpec/description``.
    var name: String { get }

    /// Begins to capture.
    ///
    /// - Parameters:
    ///   - ring: Where the samples go. This source is its only producer, and finishes it at the end of the
    ///     stream or when it is stopped.
    ///   - onEvent: Called on the capture thread, a few times in a day; it must return soon and must not
    ///     call `start` or `stop`.
    /// - Throws: ``CaptureError`` when there is nothing to listen to; then no thread is left running and the
    ///     ring is as it was.
    func start(into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void) throws(CaptureError)

    /// Stops listening until ``resume()``: a server is disconnected from, a file or a pipe is not read on. Told as an
    /// event, on the caller's thread, before this returns. Harmless when paused, not started or stopped.
    func pause()

    /// Listens again. What a live source played meanwhile is a gap in the stream; a file goes on where it was.
    func resume()

    /// Ends the capture and returns when the thread is gone. May be called more than once, and before `start`.
    func stop()
}

/// A source's health changed.
public struct SourceEvent: Sendable, Equatable {
    /// How a source is.
    public enum State: String, Sendable {
        /// Samples arrive.
        case healthy
        /// Samples do not arrive; the source is being looked for.
        case lost
        /// The source is there again; the first samples are awaited.
        case recovering
        /// Nobody is to listen.
        case paused
    }

    public let state: State
    /// The source's own name where it is known, else what was asked for.
    public let name: String
    /// What happened, for people; nil when there is nothing to add.
    public let message: String?

    public init(state: State, name: String, message: String? = nil) {
        self.state = state
        self.name = name
        self.message = message
    }
}
