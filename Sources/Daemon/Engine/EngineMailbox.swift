internal import Capture
private import Dispatch
private import NIOConcurrencyHelpers
internal import Recognizer

/// What other threads ask of the engine thread, whatever the source.
enum EngineCommand: Sendable {
    /// Return from ``EngineLoop/run()`` after the current window.
    case stop
    /// Score the windows to come with other variants.
    case replaceVariants(VariantReplacement)
    /// Classify another source.
    case add(Pipeline)
}

/// The way in which other threads reach the engine, except for commands about one stream
/// (``CommandMailbox``).
///
/// Threading: any thread. The lock is held for a few instructions; the mailbox may be used under any other
/// lock.
final class EngineMailbox: Sendable {
    private struct State {
        var commands: [EngineCommand] = []
        var isClosed = false
    }

    private let signal: WakeSignal
    // A pthread lock, which the thread sanitizer understands; it does not see Synchronization.Mutex.
    private let state = NIOLockedValueBox(State())

    /// - Parameter signal: Wakes the engine thread.
    init(signal: WakeSignal = WakeSignal()) { self.signal = signal }

    /// Adds a command and wakes the engine. After ``close()`` commands are dropped.
    ///
    /// - Returns: Whether the command was added.
    @discardableResult
    func post(_ command: EngineCommand) -> Bool {
        let isAdded = state.withLockedValue { state in
            if !state.isClosed { state.commands.append(command) }
            return !state.isClosed
        }
        if isAdded { signal.wake() }
        return isAdded
    }

    /// Removes and returns the first command. Commands are removed one at a time: if executing one throws,
    /// those after it are still here, and ``close()`` replies to them.
    func dequeue() -> EngineCommand? {
        state.withLockedValue { $0.commands.isEmpty ? nil : $0.commands.removeFirst() }
    }

    /// Drops the queued commands and all later ones. Callers that wait for a reply get
    /// ``EngineError/stopped``.
    func close() {
        let commands = state.withLockedValue { state in
            defer { state = State(isClosed: true) }
            return state.commands
        }
        for case .replaceVariants(let replacement) in commands { replacement.complete(nil) }
    }

    /// Blocks until the engine, between two windows, has replaced its variants.
    ///
    /// - Throws: ``EngineError``: the engine has stopped or does not respond; then nothing is replaced.
    func replaceVariants(
        with sets: VariantSets, timeoutSeconds: Double = 60
    ) throws(EngineError) -> VariantReplacement.Outcome {
        let replacement = VariantReplacement(sets)
        guard post(.replaceVariants(replacement)) else { throw .stopped }
        // Once the engine has dequeued the command it replies without delay.
        if !replacement.wait(seconds: timeoutSeconds), withdraw(replacement) {
            throw .noResponse(seconds: timeoutSeconds)
        }
        guard let outcome = replacement.result() else { throw .stopped }
        return outcome
    }

    /// - Returns: Whether the engine had not dequeued the command yet, and never will.
    private func withdraw(_ replacement: VariantReplacement) -> Bool {
        state.withLockedValue { state in
            let count = state.commands.count
            state.commands.removeAll {
                if case .replaceVariants(let other) = $0 { other === replacement } else { false }
            }
            return state.commands.count < count
        }
    }
}

/// A request for other variants, and its reply.
final class VariantReplacement: Sendable {
    struct Outcome: Sendable {
        /// The replaced variants; the requester frees their memory.
        let replaced: [Variant]
        /// When the engine had finished the current window.
        let dequeued: ContinuousClock.Instant
    }

    let sets: VariantSets
    private let outcome = NIOLockedValueBox<Outcome?>(nil)
    private let isDone = DispatchSemaphore(value: 0)

    init(_ sets: VariantSets) { self.sets = sets }

    /// Replies, once. `nil`: the engine has stopped.
    func complete(_ outcome: Outcome?) {
        self.outcome.withLockedValue { $0 = outcome }
        isDone.signal()
    }

    /// - Returns: `false` when there is no reply in time.
    fileprivate func wait(seconds: Double) -> Bool {
        guard isDone.wait(timeout: .now() + seconds) == .success else { return false }
        isDone.signal()
        return true
    }

    /// Blocks until there is a reply.
    fileprivate func result() -> Outcome? {
        isDone.wait()
        return outcome.withLockedValue { $0 }
    }
}

/// Why the engine did not reply.
enum EngineError: Error, Equatable, CustomStringConvertible {
    case stopped
    case noResponse(seconds: Double)

    var description: String {
        switch self {
        case .stopped: "the engine has stopped"
        case .noResponse(let seconds): "the engine did not respond within \(seconds) s; nothing was changed"
        }
    }
}
