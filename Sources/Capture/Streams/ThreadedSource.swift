private import Synchronization
internal import SystemSupport

/// The life of a source with a thread of its own: started once, stopped once, joined before it goes.
final class ThreadedSource: Sendable {
    let stop = StopFlag()
    let pauseGate = PauseGate()
    private let state = Mutex<State>(.idle)

    private enum State {
        case idle
        case running(NamedThread, SampleRing)
        case ended
    }

    /// Starts the thread. It finishes the ring when `body` returns.
    ///
    /// - Parameter isPaused: Whether ``pauseGate`` is raised before `body` runs.
    /// - Throws: `thread` when the system refuses another thread.
    func start(
        into ring: SampleRing, threadName: String, isPaused: Bool = false,
        body: @escaping @Sendable () -> Void
    ) throws(CaptureError) {
        try state.withLock { state throws(CaptureError) in
            guard case .idle = state else { preconditionFailure("a source is started once") }
            if isPaused { _ = pauseGate.set(true) }
            do throws(ThreadError) {
                let thread = try NamedThread(threadName) {
                    body()
                    ring.finish()
                }
                state = .running(thread, ring)
            } catch {
                throw CaptureError.thread(error)
            }
        }
    }

    /// Holds the thread up, or lets it go on.
    ///
    /// - Returns: Whether that is news.
    func pause(_ isPaused: Bool) -> Bool {
        state.withLock { if case .running = $0 { pauseGate.set(isPaused) } else { false } }
    }

    /// Ends the thread and waits for it. Harmless when there is none.
    func end() {
        let before = state.withLock { state in
            let before = state
            state = .ended
            return before
        }
        guard case .running(let thread, let ring) = before else { return }
        stop.raise()
        _ = pauseGate.set(false)
        ring.interruptPush()
        thread.join()
    }
}
