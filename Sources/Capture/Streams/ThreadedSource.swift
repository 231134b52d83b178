private import Synchronization
internal import SystemSupport

/// The life cycle of a source with its own thread: started once, stopped once, joined before it is freed.
final class ThreadedSource: Sendable {
    let stop = StopFlag()
    let pauseGate = PauseGate()
    private let state = Mutex<State>(.idle)

    private enum State {
        case idle
        case running(NamedThread, [SampleRing])
        case ended
    }

    /// Starts the thread. It finishes the rings when `body` returns.
    ///
    /// - Parameter isPaused: Whether ``pauseGate`` is closed before `body` runs.
    /// - Throws: `thread` when the system refuses another thread.
    func start(
        into rings: [SampleRing], threadName: String, isPaused: Bool = false,
        body: @escaping @Sendable () -> Void
    ) throws(CaptureError) {
        try state.withLock { state throws(CaptureError) in
            guard case .idle = state else { preconditionFailure("a source is started once") }
            if isPaused { _ = pauseGate.set(true) }
            do throws(ThreadError) {
                let thread = try NamedThread(threadName) {
                    body()
                    for ring in rings { ring.finish() }
                }
                state = .running(thread, rings)
            } catch {
                throw CaptureError.thread(error)
            }
        }
    }

    /// Whether it runs and is paused.
    var isPaused: Bool {
        state.withLock { if case .running = $0 { pauseGate.isClosed } else { false } }
    }

    /// Pauses or resumes the thread.
    ///
    /// - Returns: Whether that is a change.
    func setPaused(_ isPaused: Bool) -> Bool {
        state.withLock { if case .running = $0 { pauseGate.set(isPaused) } else { false } }
    }

    /// Ends the thread and blocks until it has ended. Does nothing when there is none.
    func end() {
        let before = state.withLock { state in
            let before = state
            state = .ended
            return before
        }
        guard case .running(let thread, let rings) = before else { return }
        stop.raise()
        _ = pauseGate.set(false)
        for ring in rings { ring.interruptPush() }
        thread.join()
    }
}

/// Why a stream ended early, as its thread found out.
final class StreamFailure: Sendable {
    private let error = Mutex<CaptureError?>(nil)

    var value: CaptureError? { error.withLock { $0 } }

    func record(_ found: CaptureError) { error.withLock { $0 = found } }
}
