private import Synchronization

/// Reads an audio file into the ring, in real time or as fast as the samples are popped.
public final class FileSource: AudioSource {
    public let name: String
    private let path: String
    private let isPaced: Bool
    private let startsPaused: Bool
    private let thread = ThreadedSource()
    private let listener = Mutex<(@Sendable (SourceEvent) -> Void)?>(nil)
    private let found = StreamFailure()

    public var failure: CaptureError? { found.value }

    /// - Parameters:
    ///   - path: The file; opened at `start`.
    ///   - paced: Whether the file plays in real time, so that a slow consumer loses samples as with a
    ///     microphone, or as fast as the consumer reads.
    ///   - startsPaused: Whether nothing is read before ``resume()``.
    public init(path: String, paced: Bool, startsPaused: Bool = false) {
        self.path = path
        self.isPaced = paced
        self.startsPaused = startsPaused
        name = SourceSpec.file(path: path).description
    }

    deinit { stop() }

    /// Opens the file and starts to play.
    ///
    /// - Throws: As ``AudioFileReader/init(path:)``. An error further on in the file is reported as an
    ///   event `lost` and as ``failure``, and ends the stream.
    public func start(
        into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let player = FilePlayer(
            reader: try AudioFileReader(path: path, stop: thread.stop), ring: ring, stop: thread.stop,
            pause: thread.pauseGate)
        let (name, isPaced, startsPaused) = (name, isPaced, startsPaused)
        listener.withLock { $0 = onEvent }
        if startsPaused { onEvent(SourceEvent(state: .paused, name: name)) }
        let stop = thread.stop
        try thread.start(into: [ring], threadName: "astd-file", isPaused: startsPaused) { [found] in
            if !startsPaused { onEvent(SourceEvent(state: .healthy, name: name)) }
            if let failure = isPaced ? player.playPaced() : player.playFast() {
                found.record(failure)
                onEvent(SourceEvent(state: .lost, name: name, message: failure.description))
            } else if !stop.isRaised {
                let message = (["the file has ended"] + player.warnings).joined(separator: "; ")
                onEvent(SourceEvent(state: .ended, name: name, message: message))
            }
        }
    }

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

    /// Ends the playing, and the stream.
    public func stop() { thread.end() }
}

/// Copies samples from a reader to a ring.
///
/// Threading: created on one thread, then used by the capture thread only.
final class FilePlayer: @unchecked Sendable {
    // SAFETY: passed once from the thread that creates it to the capture thread, the only one that uses it.
    private let reader: AudioFileReader
    private let ring: SampleRing
    private let stop: StopFlag
    private let pause: PauseGate
    private let block: UnsafeMutableBufferPointer<Float>

    init(reader: AudioFileReader, ring: SampleRing, stop: StopFlag, pause: PauseGate) {
        self.reader = reader
        self.ring = ring
        self.stop = stop
        self.pause = pause
        block = .allocate(capacity: CaptureFormat.blockSamples)
    }

    deinit { block.deallocate() }

    /// What the played samples do not represent of the file; known at its end.
    var warnings: [String] { [reader.trackWarning, reader.quietMix].compactMap { $0 } }

    /// Plays in real time: each block arrives when a microphone would have captured its last sample.
    ///
    /// - Returns: What is wrong with the file; nil when it was read to its end.
    func playPaced() -> CaptureError? {
        var begin = SystemClock.monotonicNanos
        var played: Int64 = 0
        return play { samples in
            begin += pause.wait(unless: stop)
            played += Int64(samples.count)
            stop.sleep(untilMonotonicNanos: begin + played * CaptureFormat.nanosPerSample)
            if !stop.isRaised { ring.push(samples, lastSampleNanos: SystemClock.bootNanos) }
        }
    }

    /// Plays as fast as the consumer reads.
    ///
    /// - Returns: What is wrong with the file; nil when it was read to its end.
    func playFast() -> CaptureError? {
        play { samples in
            _ = pause.wait(unless: stop)
            ring.pushWaiting(samples, lastSampleNanos: SystemClock.bootNanos, stop: stop)
        }
    }

    private func play(_ deliver: (UnsafeBufferPointer<Float>) -> Void) -> CaptureError? {
        do throws(CaptureError) {
            while !stop.isRaised {
                let count = try reader.read(into: block)
                if count == 0 { break }
                deliver(UnsafeBufferPointer(rebasing: block[..<count]))
            }
        } catch {
            return error
        }
        return reader.shortage
    }
}
