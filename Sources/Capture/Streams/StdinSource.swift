private import Synchronization

/// Captures from standard input.
///
/// The stream has the header of a WAV, RF64, Wave64, AIFF, AU or CAF file with uncompressed samples (a length
/// of 0 or the largest possible means "until the end"), or no header and the format that the source says.
/// Other formats are refused; they need `ffmpeg -i ... -f wav -` in front. It is read as fast as the consumer
/// reads: the writer waits, and no samples are lost.
public final class StdinSource: AudioSource {
    public let name: String
    private let format: SampleFormat?
    private let descriptor: Int32
    private let startsPaused: Bool
    private let thread = ThreadedSource()
    private let listener = Mutex<(@Sendable (SourceEvent) -> Void)?>(nil)
    private let found = StreamFailure()

    public var failure: CaptureError? { found.value }

    /// - Parameters:
    ///   - format: Format of a stream without a header; nil for 16-bit mono samples at 16 kHz.
    ///   - startsPaused: Whether nothing is read before ``resume()``.
    public convenience init(format: SampleFormat? = nil, startsPaused: Bool = false) {
        self.init(descriptor: 0, format: format, startsPaused: startsPaused)
    }

    /// - Parameter descriptor: Read instead of standard input; remains the caller's, and must stay open until
    ///   `stop`.
    package init(descriptor: Int32, format: SampleFormat? = nil, startsPaused: Bool = false) {
        self.descriptor = descriptor
        self.format = format
        self.startsPaused = startsPaused
        name = SourceSpec.stdin(format).description
    }

    deinit { stop() }

    /// Starts to read.
    ///
    /// - Throws: `thread` when the system refuses another thread. An error in the stream is reported when it
    ///   is read, as an event `lost` and as ``failure``, and ends the stream.
    public func start(
        into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let (name, descriptor, stop, pause) = (name, descriptor, thread.stop, thread.pauseGate)
        let (startsPaused, format) = (startsPaused, format ?? .headerless)
        listener.withLock { $0 = onEvent }
        if startsPaused { onEvent(SourceEvent(state: .paused, name: name)) }
        try thread.start(into: [ring], threadName: "astd-stdin", isPaused: startsPaused) { [found] in
            _ = pause.wait(unless: stop)
            let stream = StreamAudioBytes(descriptor: descriptor, stop: stop, pause: pause)
            stream.onStall = { isStalled in onEvent(Self.stallEvent(isStalled, name)) }
            var failure: CaptureError?
            do throws(CaptureError) {
                let head = try StreamHead(of: stream, headerless: format, name: name)
                // `resume()` has reported a source that started paused.
                if !startsPaused { onEvent(SourceEvent(state: .healthy, name: name)) }
                failure = try Self.play(head, of: stream, into: ring, stop, pause, name)
            } catch {
                failure = error
            }
            if stop.isRaised { return }
            if let failure {
                found.record(failure)
                onEvent(SourceEvent(state: .lost, name: name, message: failure.description))
            } else {
                onEvent(SourceEvent(state: .ended, name: name, message: "standard input has ended"))
            }
        }
    }

    private static func stallEvent(_ isStalled: Bool, _ name: String) -> SourceEvent {
        if !isStalled { return SourceEvent(state: .healthy, name: name, message: "bytes arrive again") }
        let seconds = NoDataWatchdog.limitNanos / SystemClock.nanosPerSecond
        let message = "no bytes on standard input for \(seconds) seconds; waiting for its writer"
        return SourceEvent(state: .lost, name: name, message: message)
    }

    /// Plays a stream, and those that follow it: `cat a.wav b.wav`.
    private static func play(
        _ first: StreamHead, of stream: StreamAudioBytes, into ring: SampleRing, _ stop: StopFlag,
        _ pause: PauseGate, _ name: String
    ) throws(CaptureError) -> CaptureError? {
        var next: StreamHead? = first
        while let head = next {
            let reader = try AudioFileReader(stream: stream, format: head.format, name: name)
            let player = FilePlayer(reader: reader, ring: ring, stop: stop, pause: pause)
            if let failure = player.playFast() { return failure }
            if stream.isShort {
                return .truncated(
                    name: name,
                    detail: "it ended \(stream.missingBytes) bytes before the length in its header, "
                        + "after \(stream.offset) bytes of samples")
            }
            if stop.isRaised { return nil }
            next = try head.following(in: stream, name: name)
        }
        return nil
    }

    /// Stops reading: the writer blocks when the pipe is full.
    public func pause() {
        if thread.setPaused(true) { report(.paused) }
    }

    public func resume() {
        guard thread.isPaused else { return }
        // Before the thread continues: it may reach the end at once, and that is reported after this.
        report(.healthy)
        _ = thread.setPaused(false)
    }

    private func report(_ state: SourceEvent.State) {
        listener.withLock { $0 }?(SourceEvent(state: state, name: name))
    }

    /// Ends the reading, and the stream.
    public func stop() { thread.end() }
}
