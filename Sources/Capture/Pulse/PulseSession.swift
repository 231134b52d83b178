private import CPulse

/// Records from a PulseAudio server: connects, chooses a source, records, and reconnects after a failure.
///
/// A callback must not free the object that invoked it: libpulse still uses the object after the callback
/// returns (`pa_context_connect` may call back and then return an error as well). Callbacks therefore only
/// record the failure; the timer, which the main loop invokes, disconnects.
///
/// Threading: `open`, `pause`, `resume` and `close` may be called from any thread but the main loop's;
/// everything else runs on the main loop's thread, with its lock held. Events go through ``events`` and so
/// reach foreign code with no lock held; `open`, `pause` and `close` do not wait for that (``PulseSource``
/// does).
final class PulseSession: @unchecked Sendable {
    // SAFETY: all variables are accessed only with the main loop's lock held: `open`, `pause`, `resume` and
    // `close` lock it, and the loop holds it around every callback.
    let outlets: CaptureOutlets
    let pattern: String?
    let server: String?
    let events: SourceEventQueue

    private let loop: OpaquePointer
    private let keepsRate: Bool
    /// Of the current stream.
    private var rateHz = CaptureFormat.sampleRateHz
    /// Most frames that go through the outlets at a time.
    private static let blockFrames = 4096
    private var timer: PulseTimer?
    private var connection: PulseConnection?
    private var stream: PulseStream?

    /// The name of the source that is, or was last, recorded.
    private var sourceName: String?
    private var phase = Phase.connecting
    private var health = SourceHealth()
    private var gapMeter = GapMeter()
    private var watchdog = NoDataWatchdog(atNanos: 0)
    /// Reason of the gap that is reported when samples arrive next.
    private var gapReason = GapReason.sourceLost
    /// Whether the first attempt to connect has succeeded or failed.
    private var hasBegun = false
    /// Whether samples have arrived from the current stream.
    private var hasDelivered = false
    /// Whether the last stream was set up and delivered nothing: setting it up again does not count as
    /// recovery.
    private var wasSilent = false

    /// What the session waits for, and what the timer then does.
    private enum Phase {
        case connecting  // waits for the server's answers; the timer is their deadline
        case watching  // connected, but the source does not exist; the server reports new sources
        case recording  // waits for samples; the timer ticks the watchdog
        case suspended  // the server has suspended the source, and reports when it resumes it
        case broken  // the timer disconnects
        case waiting  // the timer starts the next attempt
        case paused  // waits for `resume`
        case closed  // final
    }

    /// - Throws: `noServer` when libpulse cannot create its main loop.
    init(
        pattern: String?, server: String?, keepsRate: Bool, outlets: CaptureOutlets, events: SourceEventQueue
    ) throws(CaptureError) {
        guard let loop = pa_threaded_mainloop_new() else {
            throw .noServer(server: PulseAddress(server), reason: "out of file descriptors or memory")
        }
        self.loop = loop
        self.pattern = pattern
        self.server = server
        self.keepsRate = keepsRate
        self.outlets = outlets
        self.events = events
        pa_threaded_mainloop_set_name(loop, "astd-pulse")
    }

    deinit { pa_threaded_mainloop_free(loop) }

    /// Starts the thread and blocks until the stream is ready or the first attempt has failed.
    ///
    /// - Parameter isPaused: Whether it does not connect before ``resume()``.
    /// - Throws: `noServer` when a thread or memory is lacking. The caller must call `close` in any case.
    func open(isPaused: Bool) throws(CaptureError) {
        guard pa_threaded_mainloop_start(loop) >= 0 else {
            throw .noServer(
                server: PulseAddress(server), reason: "cannot create a thread; check `ulimit -u`")
        }
        pa_threaded_mainloop_lock(loop)
        defer { pa_threaded_mainloop_unlock(loop) }
        guard let timer = PulseTimer(loop: loop, onTime: { [unowned self] in timeIsUp() }) else {
            throw .noServer(server: PulseAddress(server), reason: "out of memory")
        }
        self.timer = timer
        if isPaused {
            phase = .paused
            return report(.paused)
        }
        connect()
        while !hasBegun { pa_threaded_mainloop_wait(loop) }
    }

    /// Disconnects and blocks until the thread has ended. No other method may be called afterwards.
    func close() {
        pa_threaded_mainloop_lock(loop)
        phase = .closed
        disconnect()
        timer?.cancel()
        pa_threaded_mainloop_unlock(loop)
        pa_threaded_mainloop_stop(loop)
    }

    /// Disconnects until ``resume()``.
    func pause() {
        pa_threaded_mainloop_lock(loop)
        defer { pa_threaded_mainloop_unlock(loop) }
        guard phase != .closed, phase != .paused else { return }
        if phase == .recording {
            gapMeter.beginGap()
            gapReason = .paused
        }
        phase = .paused
        report(.paused)
        disconnect()
    }

    /// Connects again.
    func resume() {
        pa_threaded_mainloop_lock(loop)
        defer { pa_threaded_mainloop_unlock(loop) }
        guard phase == .paused else { return }
        phase = .waiting
        timer?.fire(inNanos: 0)
    }

    // MARK: Connecting

    private func connect() {
        phase = .connecting
        timer?.fire(inNanos: pulseAnswerLimitNanos)
        connection = PulseConnection(
            loop: loop, onSources: { [unowned self] in choose(among: $0) },
            onFailure: { [unowned self] in serverFailed() })
        guard let connection else { return serverFailed() }
        connection.connect(to: server)
    }

    private func choose(among sources: [PulseSourceInfo]) {
        guard let context = connection?.context, stream == nil, phase == .connecting || phase == .watching
        else { return }
        var chosen: PulseSourceInfo?
        if let pattern { chosen = PulseSourceChoice.choose(pattern, among: sources) }
        if chosen == nil && (pattern != nil || sources.isEmpty) {
            return watch(.noSuchSource(wanted: wanted, available: sources.map(\.name)))
        }
        if phase == .watching {
            phase = .connecting
            connection?.unwatch()
            timer?.fire(inNanos: pulseAnswerLimitNanos)
        }
        // The default source may change before the stream is ready; this only sets the length of a fragment.
        let expected = chosen ?? sources.first(where: \.isDefault)
        stream = PulseStream(
            context: context, device: chosen?.name, expectedChannels: expected?.channels ?? 1,
            expectedRateHz: keepsRate ? expected?.rate ?? 48_000 : nil, session: self)
        if stream == nil { streamFailed() }
    }

    /// Waits for the source without polling: the server reports new sources.
    private func watch(_ error: CaptureError) {
        guard phase == .connecting || phase == .watching else { return }
        if phase == .connecting {
            phase = .watching
            connection?.watch()
        }
        // Other sources may have come, which the message names.
        report(.lost, message: error.description)
        finishOpening()
    }

    /// The requested source, for messages.
    private var wanted: String { pattern ?? "the default" }

    /// Ends the wait of `open`.
    private func finishOpening() {
        guard !hasBegun else { return }
        hasBegun = true
        pa_threaded_mainloop_signal(loop, 0)
    }

    // MARK: Recording

    /// The server has set up the stream.
    func streamReady(isSuspended: Bool) {
        guard phase == .connecting, let stream else { return }
        sourceName = stream.deviceName
        rateHz = stream.rateHz
        do throws(CaptureError) {
            try outlets.setFormat(
                channels: stream.channels, rateHz: rateHz, frames: Self.blockFrames,
                name: sourceName ?? wanted)
        } catch {
            return fail(error)
        }
        phase = .recording
        hasDelivered = false
        startWatchdog()
        if isSuspended {
            self.stream(isSuspended: true)
        } else if !wasSilent {
            report(.recovering)
        }
        finishOpening()
    }

    /// The server has ended the stream, or could not set it up.
    func streamFailed() {
        let reason = connection?.failure ?? "gone"
        fail(
            phase == .connecting
                ? .sourceRefused(wanted: wanted, reason: reason)
                : .sourceSilent(name: sourceName ?? wanted, reason: reason))
    }

    /// The server has moved the stream to another source: the default has changed.
    func streamMoved() {
        guard phase == .recording, let name = stream?.deviceName else { return }
        sourceName = name
        // Samples of the old source that were in transit are lost.
        gapMeter.beginGap()
        guard health.state == .healthy else { return }
        post(.healthy, message: "the server has changed its default source")
    }

    /// The server has suspended or resumed the source; the stream stays.
    func stream(isSuspended: Bool) {
        if isSuspended, phase == .recording {
            phase = .suspended
            gapReason = .sourceLost
            let error = CaptureError.sourceSilent(
                name: sourceName ?? wanted, reason: "the server has suspended it")
            report(.lost, message: error.description)
        } else if !isSuspended, phase == .suspended {
            gapMeter.beginGap()
            phase = .recording
            startWatchdog()
            report(.recovering)
        }
    }

    /// Frames have arrived, the last of them captured `ageNanos` ago. Writes them to the rings.
    ///
    /// - Parameter interleaved: `[frames, channels]`.
    func arrived(_ interleaved: UnsafePointer<Float>, frames: Int, channels: Int, ageNanos: Int64) {
        // Samples of a suspended source may still be in transit.
        guard phase == .recording || phase == .suspended else { return }
        watchdog.recordArrival()
        hasDelivered = true
        let now = SystemClock.bootNanos
        gapMeter.recordSleep(nanos: now - SystemClock.monotonicNanos)
        var done = 0
        while done < frames {
            let count = min(frames - done, Self.blockFrames)
            let later = Int64(frames - done - count) * SystemClock.nanosPerSecond / Int64(rateHz)
            process(
                interleaved + done * channels, frames: count, lastFrameNanos: now - ageNanos - later)
            done += count
        }
        if phase == .recording, health.state != .healthy {
            gapReason = .sourceLost
            report(.healthy)
        }
    }

    private func process(_ interleaved: UnsafePointer<Float>, frames: Int, lastFrameNanos: Int64) {
        outlets.mix(interleaved, frames: frames, onChange: postSignal)
        while case let count = outlets.produce(), count > 0 {
            let lastSampleNanos = lastFrameNanos - outlets.delayNanos
            let missing = gapMeter.recordArrival(samples: count, lastSampleNanos: lastSampleNanos)
            outlets.deliver(
                after: missing, reason: gapReason, lastSampleNanos: lastSampleNanos, onChange: postSignal)
        }
    }

    /// The server has lost frames.
    func missed(frames: Int) {
        guard phase == .recording else { return }
        let hertz = Int64(CaptureFormat.sampleRateHz)
        let samples = (Int64(frames) * hertz + Int64(rateHz) / 2) / Int64(rateHz)
        gapMeter.recordLoss(samples: samples)
        outlets.skip(samples: samples, reason: .sourceLost)
    }

    // MARK: Failing and reconnecting

    private func serverFailed() {
        fail(
            connection?.error(server: server)
                ?? .noServer(server: PulseAddress(server), reason: "out of memory"))
    }

    /// That the server does not answer.
    private var hangs: CaptureError {
        connection?.hangs(server: server) ?? .serverHangs(server: PulseAddress(server))
    }

    /// Records a failure and lets the timer disconnect.
    ///
    /// - Parameter isSilent: Whether the stream exists and has delivered nothing.
    private func fail(_ error: CaptureError, isSilent: Bool = false) {
        guard [.connecting, .watching, .recording, .suspended].contains(phase) else { return }
        wasSilent = isSilent
        if phase == .recording { gapReason = .sourceLost }
        phase = .broken
        gapMeter.beginGap()
        timer?.fire(inNanos: 0)
        report(.lost, message: error.description)
        finishOpening()
    }

    private func timeIsUp() {
        switch phase {
        case .connecting:
            fail(hangs)
        case .recording:
            guard watchdog.tick(atNanos: SystemClock.bootNanos) else {
                if watchdog.isSilent { connection?.ping() }
                timer?.fire(inNanos: NoDataWatchdog.tickNanos)
                return
            }
            let isHung = connection?.isPingPending ?? false
            // A source that never delivers must not be reported lost and recovering without end.
            fail(
                isHung
                    ? hangs : .sourceSilent(name: sourceName ?? wanted, reason: "no samples for 3 seconds"),
                isSilent: !hasDelivered)
        case .broken:
            disconnect()
            phase = .waiting
            timer?.fire(inNanos: health.nextWaitNanos())
        case .waiting: connect()
        case .watching, .suspended, .paused, .closed: break
        }
    }

    private func startWatchdog() {
        watchdog = NoDataWatchdog(atNanos: SystemClock.bootNanos)
        timer?.fire(inNanos: NoDataWatchdog.tickNanos)
    }

    private func disconnect() {
        stream?.close()
        stream = nil
        connection?.close()
        connection = nil
    }

    /// Reports a state, unless it is the last one reported, with the same reason.
    private func report(_ state: SourceEvent.State, message: String? = nil) {
        if health.move(to: state, because: message) { post(state, message: message) }
    }

    private var displayName: String { SourceSpec.pulse(pattern: sourceName ?? pattern).description }

    private func post(_ state: SourceEvent.State, message: String?) {
        events.post(SourceEvent(state: state, name: displayName, message: message))
    }

    private func postSignal(_ index: Int) {
        let condition = outlets.all[index].chain.condition
        events.post(SourceEvent(state: .healthy, name: displayName, signal: condition, outlet: index))
    }
}
