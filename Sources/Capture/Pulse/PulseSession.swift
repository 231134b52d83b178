private import CPulse

/// The conversation with a PulseAudio server: connect, choose a source, record, and begin again when it breaks.
///
/// Everything but `open` and `close` runs on the thread of libpulse's main loop. Callbacks never take apart what
/// has called them (`pa_context_connect` calls back and then fails as well): they note the failure, and the
/// timer, which belongs to the main loop alone, takes the pieces away.
final class PulseSession: @unchecked Sendable {
    // SAFETY: all variables are touched only with the main loop's lock held: `open` and `close` take it, and
    // the loop holds it around every callback.
    let ring: SampleRing
    let pattern: String?
    let server: String?
    private let onEvent: @Sendable (SourceEvent) -> Void

    private let loop: OpaquePointer
    private var timer: PulseTimer?
    private var connection: PulseConnection?
    private var stream: PulseStream?

    /// The name of the source that is, or was last, recorded.
    private var sourceName: String?
    private var phase = Phase.connecting
    private var health = SourceHealth()
    private var gapMeter = GapMeter()
    private var watchdog = NoDataWatchdog(atNanos: 0)
    /// Why samples are missing since the stream last broke off.
    private var gapReason = GapReason.sourceLost
    /// Whether the first attempt has come to its end, good or bad.
    private var hasBegun = false

    /// What the timer is for.
    private enum Phase {
        case connecting  // the server's answers are due; at the timer they are too late
        case watching  // the server is there and the source is not; the server says when it comes
        case recording  // samples are due; at each tick of the timer the watchdog is asked
        case suspended  // the server holds the source back, and says when it no longer does
        case broken  // at the timer the pieces are taken away
        case waiting  // at the timer the next attempt begins
        case paused  // nothing happens until `resume`
        case closed  // nothing more happens
    }

    /// - Throws: `noServer` when libpulse cannot even begin.
    init(
        pattern: String?, server: String?, ring: SampleRing,
        onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        guard let loop = pa_threaded_mainloop_new() else {
            throw .noServer(server: server, reason: "out of file descriptors or memory")
        }
        self.loop = loop
        self.pattern = pattern
        self.server = server
        self.ring = ring
        self.onEvent = onEvent
        pa_threaded_mainloop_set_name(loop, "astd-pulse")
    }

    deinit { pa_threaded_mainloop_free(loop) }

    /// Starts the thread and waits until the stream stands, or is lost before it began.
    ///
    /// - Throws: `noServer` when there is no thread or no memory; `close` has to follow in any case.
    func open() throws(CaptureError) {
        guard pa_threaded_mainloop_start(loop) >= 0 else {
            throw .noServer(server: server, reason: "no thread could be started")
        }
        pa_threaded_mainloop_lock(loop)
        defer { pa_threaded_mainloop_unlock(loop) }
        guard let timer = PulseTimer(loop: loop, onTime: { [unowned self] in timeIsUp() }) else {
            throw .noServer(server: server, reason: "out of memory")
        }
        self.timer = timer
        connect()
        while !hasBegun { pa_threaded_mainloop_wait(loop) }
    }

    /// Disconnects and waits for the thread's end; the last call to a session.
    func close() {
        pa_threaded_mainloop_lock(loop)
        phase = .closed
        disconnect()
        timer?.cancel()
        pa_threaded_mainloop_unlock(loop)
        pa_threaded_mainloop_stop(loop)
    }

    /// Disconnects and stays away until ``resume()``.
    func pause() {
        pa_threaded_mainloop_lock(loop)
        defer { pa_threaded_mainloop_unlock(loop) }
        guard phase != .closed, phase != .paused else { return }
        if phase == .recording {
            gapMeter.beginGap()
            gapReason = .paused
        }
        phase = .paused
        tell(.paused)
        disconnect()
    }

    /// Looks for the source again.
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
        stream = PulseStream(context: context, device: chosen?.name, session: self)
        if stream == nil { streamFailed() }
    }

    /// The source is not there. No asking again and again: the server says when there are others.
    private func watch(_ error: CaptureError) {
        guard phase == .connecting else { return }
        phase = .watching
        connection?.watch()
        tell(.lost, message: error.description)
        begin()
    }

    /// What was asked for, in messages.
    private var wanted: String { pattern ?? "the default" }

    private func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        pa_threaded_mainloop_signal(loop, 0)
    }

    // MARK: Recording

    /// The stream stands: samples are on their way.
    func streamReady() {
        guard phase == .connecting else { return }
        phase = .recording
        sourceName = stream?.deviceName
        startWatchdog()
        tell(.recovering)
        begin()
    }

    /// The stream is gone, or never stood.
    func streamFailed() {
        let reason = connection?.failure ?? "gone"
        fail(
            phase == .connecting
                ? .sourceRefused(wanted: wanted, reason: reason)
                : .sourceSilent(name: sourceName ?? wanted, reason: reason))
    }

    /// The server listens to another source for us: the default has changed.
    func streamMoved() {
        guard phase == .recording, let name = stream?.deviceName else { return }
        sourceName = name
        // What one source had on the way is lost, and the other begins when it likes.
        gapMeter.beginGap()
        guard health.state == .healthy else { return }
        onEvent(SourceEvent(state: .healthy, name: name, message: "the server has changed its default"))
    }

    /// The server holds the source back, or does so no longer. The stream stays.
    func stream(isSuspended: Bool) {
        if isSuspended, phase == .recording {
            phase = .suspended
            gapReason = .sourceLost
            let error = CaptureError.sourceSilent(
                name: sourceName ?? wanted, reason: "the server has suspended it")
            tell(.lost, message: error.description)
        } else if !isSuspended, phase == .suspended {
            gapMeter.beginGap()
            phase = .recording
            startWatchdog()
            tell(.recovering)
        }
    }

    /// Samples have come, the last of them heard `ageNanos` ago; they go straight to the ring.
    func arrived(_ samples: UnsafeBufferPointer<Float>, ageNanos: Int64) {
        // A source that was suspended may have some samples on the way.
        guard phase == .recording || phase == .suspended else { return }
        watchdog.recordArrival()
        let now = SystemClock.bootNanos
        gapMeter.recordSleep(nanos: now - SystemClock.monotonicNanos)
        let missing = gapMeter.recordArrival(samples: samples.count, lastSampleNanos: now - ageNanos)
        ring.skip(samples: missing, reason: gapReason)
        ring.push(samples, lastSampleNanos: now - ageNanos)
        if phase == .recording, health.state != .healthy {
            gapReason = .sourceLost
            tell(.healthy)
        }
    }

    /// The server lost samples of its own.
    func missed(samples: Int) {
        guard phase == .recording else { return }
        ring.skip(samples: Int64(samples), reason: .sourceLost)
    }

    // MARK: Losing and finding again

    private func serverFailed() {
        fail(.noServer(server: server, reason: connection?.failure ?? "out of memory"))
    }

    /// Notes what broke; `quietly` when it is the same trouble as before and no news.
    private func fail(_ error: CaptureError, quietly: Bool = false) {
        guard [.connecting, .watching, .recording, .suspended].contains(phase) else { return }
        if phase == .recording { gapReason = .sourceLost }
        phase = .broken
        gapMeter.beginGap()
        timer?.fire(inNanos: 0)
        if !quietly { tell(.lost, message: error.description) }
        begin()
    }

    private func timeIsUp() {
        switch phase {
        case .connecting:
            fail(.noServer(server: server, reason: PulseNames.noAnswer))
        case .recording:
            guard watchdog.tick(atNanos: SystemClock.bootNanos) else {
                timer?.fire(inNanos: NoDataWatchdog.tickNanos)
                return
            }
            // A server that is there with a source that stays silent would be lost and found for ever.
            fail(
                .sourceSilent(name: sourceName ?? wanted, reason: "no samples for 3 seconds"),
                quietly: health.state == .recovering)
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

    private func tell(_ state: SourceEvent.State, message: String? = nil) {
        guard health.move(to: state) else { return }
        onEvent(SourceEvent(state: state, name: sourceName ?? pattern ?? "default", message: message))
    }
}
