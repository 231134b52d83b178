private import Synchronization

/// One capture of which each channel is a source: for `channel: each`.
///
///     capture ─┬─ outlet 1 ─► ring 1     source of channel 1
///              └─ outlet 2 ─► ring 2     source of channel 2
///
/// The device, pipe or program is opened once, when the last of the sources is started. All streams have the
/// same positions and the same gaps, but for pauses: a source that is paused alone gets no sound, and the
/// capture goes on for the others; it is closed while all of them are paused.
///
/// Threading: any thread, but not that of `onEvent`.
public final class ChannelCapture: Sendable {
    /// What is known of a channel.
    private struct Member {
        let counters = SignalCounters()
        var ring: SampleRing?
        var original: OriginalRing?
        var outlet: CaptureOutlet?
        var events: SourceEventQueue?
        var isPaused = false
        var isStopped = false
    }

    private struct State {
        var members: [Member]
        var capture: (any OutletSource)?
        /// The last report of the capture about its state.
        var last: SourceEvent?

        /// Whether nobody wants its sound.
        var isUnused: Bool { members.allSatisfy { $0.isPaused || $0.isStopped } }
    }

    /// The requested source.
    let name: String
    private let signal: SignalSettings
    private let make: @Sendable (_ startsPaused: Bool, _ original: OriginalRing?) -> (any OutletSource)?
    /// Held while the capture is started, paused, resumed or stopped; never by what it reports.
    private let turn = Mutex(())
    /// Held for a few instructions.
    private let state: Mutex<State>

    /// - Parameters:
    ///   - channels: How many channels become sources, from the first on.
    ///   - signal: What happens to the sound of each; its channel is ignored.
    ///   - pulseServer: Address of the PulseAudio server; nil for `PULSE_SERVER` or the user's own.
    public init(_ spec: SourceSpec, channels: Int, signal: SignalSettings, pulseServer: String?) {
        precondition(spec.isLive, "only a live source has streams of its channels")
        name = spec.description
        self.signal = signal
        make = { startsPaused, original in
            spec.makeSource(
                paced: true, startsPaused: startsPaused, signal: signal, pulseServer: pulseServer,
                original: original) as? any OutletSource
        }
        state = Mutex(State(members: (0..<channels).map { _ in Member() }))
    }

    /// - Parameters:
    ///   - channel: Counted from 1.
    ///   - startsPaused: Whether it is paused until ``AudioSource/resume()``.
    ///   - original: Receives the frames of this channel as they were captured.
    public func source(
        channel: Int, startsPaused: Bool, original: OriginalRing? = nil
    ) -> any AudioSource {
        state.withLock { state in
            state.members[channel - 1].isPaused = startsPaused
            state.members[channel - 1].original = original
        }
        return ChannelSource(self, index: channel - 1)
    }

    // MARK: The source of one channel

    func clippedSamples(_ index: Int) -> Int64 {
        state.withLock { $0.members[index].counters }.clippedSamples
    }

    /// Starts the capture with the last of its sources.
    func start(
        _ index: Int, into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        let events = SourceEventQueue(handler: onEvent)
        defer { events.drain() }
        try turn.withLock { _ throws(CaptureError) in
            let isReady = state.withLock { state in
                precondition(state.members[index].ring == nil, "a source is started once")
                (state.members[index].ring, state.members[index].events) = (ring, events)
                if state.members[index].isPaused { post(.paused, to: index, of: state) }
                return state.members.allSatisfy { $0.ring != nil && !$0.isStopped }
            }
            if isReady { try startCapture() }
        }
    }

    func pause(_ index: Int) {
        turn.withLock { _ in
            let (isChanged, outlet, reason) = state.withLock { state -> (Bool, CaptureOutlet?, GapReason) in
                let member = state.members[index]
                if member.ring == nil || member.isPaused || member.isStopped { return (false, nil, .paused) }
                state.members[index].isPaused = true
                return (true, member.outlet, state.last?.state == .healthy ? .paused : .sourceLost)
            }
            guard isChanged else { return }
            outlet?.close(reason)
            state.withLock { post(.paused, to: index, of: $0) }
            closeIfUnused()
        }
        drain(index)
    }

    func resume(_ index: Int) {
        turn.withLock { _ in
            let capture = state.withLock { state -> (any OutletSource)? in
                let member = state.members[index]
                guard member.isPaused, !member.isStopped else { return nil }
                let wasUnused = state.isUnused
                state.members[index].isPaused = false
                if let last = state.last, !wasUnused { member.events?.post(last) }
                return wasUnused ? state.capture : nil
            }
            state.withLock { $0.members[index].outlet }?.open()
            capture?.resume()
        }
        drain(index)
    }

    func stop(_ index: Int) {
        turn.withLock { _ in
            let (member, capture) = state.withLock { state -> (Member, (any OutletSource)?) in
                let member = state.members[index]
                state.members[index].isStopped = true
                let isLast = state.members.allSatisfy(\.isStopped)
                return (member, isLast ? state.capture : nil)
            }
            if member.isStopped { return }
            member.outlet?.close(.paused)
            if let capture { capture.stop() } else { closeIfUnused() }
            // Its capture writes no more.
            member.ring?.finish()
        }
        drain(index)
    }

    // MARK: The capture

    /// Called with ``turn`` held.
    private func startCapture() throws(CaptureError) {
        let (members, startsPaused) = state.withLock { ($0.members, $0.isUnused) }
        var outlets: [CaptureOutlet] = []
        for (index, member) in members.enumerated() {
            guard let ring = member.ring else { return }
            var signal = signal
            (signal.channel, signal.expectedChannels) = (.number(index + 1), members.count)
            let chain = SignalChain(signal, counters: member.counters)
            outlets.append(
                CaptureOutlet(
                    ring: ring, chain: chain, original: member.original, isOpen: !member.isPaused))
        }
        guard let capture = make(startsPaused, members.lazy.compactMap(\.original).first) else {
            preconditionFailure("\(name) has no outlets")
        }
        state.withLock { state in
            for (index, outlet) in outlets.enumerated() { state.members[index].outlet = outlet }
            state.capture = capture
        }
        do throws(CaptureError) {
            try capture.start(into: CaptureOutlets(outlets)) { [weak self] in self?.process($0) }
        } catch {
            for member in members {
                member.events?.post(SourceEvent(state: .ended, name: name, message: error.description))
                member.ring?.finish()
            }
            throw error
        }
    }

    /// Passes a report of the capture on to the sources that it concerns.
    private func process(_ event: SourceEvent) {
        state.withLock { state in
            if event.signal == nil { state.last = event }
            for (index, member) in state.members.enumerated()
            where !member.isPaused && event.outlet ?? index == index {
                member.events?.post(event)
            }
        }
    }

    /// Disconnects when every source is paused or stopped. Called with ``turn`` held.
    private func closeIfUnused() {
        let capture = state.withLock { $0.isUnused ? $0.capture : nil }
        guard let capture else { return }
        capture.pause()
    }

    /// Called with ``state`` held, so that reports are posted in their order.
    private func post(_ next: SourceEvent.State, to index: Int, of state: State) {
        state.members[index].events?.post(SourceEvent(state: next, name: state.last?.name ?? name))
    }

    private func drain(_ index: Int) { state.withLock { $0.members[index].events }?.drain() }
}

/// One channel of a ``ChannelCapture``.
private final class ChannelSource: AudioSource {
    private let capture: ChannelCapture
    private let index: Int

    init(_ capture: ChannelCapture, index: Int) { (self.capture, self.index) = (capture, index) }

    deinit { stop() }

    var name: String { capture.name }
    var clippedSamples: Int64 { capture.clippedSamples(index) }

    func start(
        into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void
    ) throws(CaptureError) {
        try capture.start(index, into: ring, onEvent: onEvent)
    }

    func pause() { capture.pause(index) }
    func resume() { capture.resume(index) }
    func stop() { capture.stop(index) }
}
