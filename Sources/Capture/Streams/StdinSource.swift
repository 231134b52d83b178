private import Synchronization

/// Captures from standard input.
///
/// The stream is a WAV stream (PCM of 8 to 32 bits, float, A-law or µ-law; any rate and up to 64 channels; a
/// length of 0 or the largest possible in its header means "until the end"), or, without a header, 16-bit
/// little-endian mono samples at 16 kHz. Other formats need `ffmpeg -i ... -f wav -` in front. It is read as
/// fast as the consumer reads: the writer waits, and no samples are lost.
public final class StdinSource: AudioSource {
    public let name = SourceSpec.stdin.description
    private let descriptor: Int32
    private let startsPaused: Bool
    private let thread = ThreadedSource()
    private let listener = Mutex<(@Sendable (SourceEvent) -> Void)?>(nil)

    /// - Parameter startsPaused: Whether nothing is read before ``resume()``.
    public convenience init(startsPaused: Bool = false) {
        self.init(descriptor: 0, startsPaused: startsPaused)
    }

    /// - Parameter descriptor: Read instead of standard input; remains the caller's, and must stay open until
    ///   `stop`.
    package init(descriptor: Int32, startsPaused: Bool = false) {
        self.descriptor = descriptor
        self.startsPaused = startsPaused
    }

    deinit { stop() }

    /// Starts to read.
    ///
    /// - Throws: `thread` when the system refuses another thread. An error in the stream is reported when it
    ///   is read, as an event `lost`, and ends the stream.
    public func start(
        into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let (name, descriptor, stop, pause) = (name, descriptor, thread.stop, thread.pauseGate)
        let startsPaused = startsPaused
        listener.withLock { $0 = onEvent }
        if startsPaused { onEvent(SourceEvent(state: .paused, name: name)) }
        try thread.start(into: ring, threadName: "astd-stdin", isPaused: startsPaused) {
            _ = pause.wait(unless: stop)
            let stream = StreamAudioBytes(descriptor: descriptor, stop: stop)
            var problem: String?
            do throws(CaptureError) {
                let reader = try Self.reader(of: stream, name: name)
                // `resume()` has reported a source that started paused.
                if !startsPaused { onEvent(SourceEvent(state: .healthy, name: name)) }
                problem = FilePlayer(reader: reader, ring: ring, stop: stop, pause: pause).playFast()
                if stream.isShort && !stop.isRaised {
                    problem = problem ?? "\(name) ended before the length in its header"
                }
            } catch {
                problem = error.description
            }
            if let problem, !stop.isRaised {
                onEvent(SourceEvent(state: .lost, name: name, message: problem))
            }
        }
    }

    /// Stops reading: the writer blocks when the pipe is full.
    public func pause() {
        if thread.setPaused(true) { report(.paused) }
    }

    public func resume() {
        if thread.setPaused(false) { report(.healthy) }
    }

    private func report(_ state: SourceEvent.State) {
        listener.withLock { $0 }?(SourceEvent(state: state, name: name))
    }

    /// Ends the reading, and the stream.
    public func stop() { thread.end() }

    /// Detects the format of the stream.
    ///
    /// - Throws: `emptyFile`, `notAudio`, `unsupported`, `malformed` or `system`.
    static func reader(of stream: StreamAudioBytes, name: String) throws(CaptureError) -> AudioFileReader {
        var head = stream.read(count: 12)
        if head.isEmpty {
            if let number = stream.failure {
                throw .system(name: name, operation: "read", reason: SystemError.text(number))
            }
            throw .emptyFile(name: name)
        }
        if head.starts(with: "RIFF".utf8) && head.dropFirst(8).elementsEqual("WAVE".utf8) {
            let header = try WAVHeader.read(name: name) { stream.read(count: $0) }
            stream.rebase(pushingBack: [], limit: header.dataBytes)
            return try AudioFileReader(stream: stream, format: header, name: name)
        }
        head += stream.read(count: ContainerSniff.headBytes - head.count)
        if let kind = ContainerSniff.kind(of: head) {
            if kind.demuxer == nil { throw .notAudio(name: name, found: kind.name) }
            throw .unsupported(
                name: name, wanted: "convert it to a WAV stream with `ffmpeg -i - -f wav -`", found: kind.name
            )
        }
        stream.rebase(pushingBack: head, limit: nil)
        let format = WAVHeader(
            encoding: .signed16, channels: 1, sampleRateHz: CaptureFormat.sampleRateHz, dataBytes: nil)
        return try AudioFileReader(stream: stream, format: format, name: name)
    }
}
