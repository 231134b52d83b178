internal import Capture
private import Dispatch
internal import Recognizer
private import NIOConcurrencyHelpers

/// What other threads ask of the pipeline.
enum PipelineCommand: Sendable {
    /// Return from ``Pipeline/run()`` after the current window.
    case stop
    /// The source was paused: classify what was captured so far and end all events.
    case pause
    /// The source was lost: classify what was captured so far, without waiting for the stream to continue.
    case sourceLost
    /// Score the windows to come with other variants.
    case replaceVariants(VariantReplacement)
    /// Report a muted microphone after so many seconds of digital silence; 0 for never.
    case setMutedAfter(seconds: Double)

    /// Whether the command takes effect at the position of the stream at which it was posted, and not at
    /// once.
    fileprivate var hasPosition: Bool {
        switch self {
        case .pause, .sourceLost: true
        case .stop, .replaceVariants, .setMutedAfter: false
        }
    }
}

/// The one way in which other threads reach the pipeline.
///
/// A command about the stream takes effect at the position at which it was posted, however far the engine has
/// fallen behind: a pause ends the events that began before it and none that began after it.
///
///     ring    ├── samples before the pause ──┬╌╌ gap ╌╌├── samples after it ──▶
///                       ▲ engine             ▲ .pause
///
/// Threading: any thread. The lock is held for a few instructions; the mailbox may be used under any other
/// lock.
final class CommandMailbox: Sendable {
    struct Entry: Sendable {
        let command: PipelineCommand
        /// The position of the stream at which the command was posted.
        let position: Int64
    }

    private struct State {
        var entries: [Entry] = []
        var isClosed = false
    }

    private let ring: SampleRing
    // A pthread lock, which the thread sanitizer understands; it does not see Synchronization.Mutex.
    private let state = NIOLockedValueBox(State())

    init(ring: SampleRing) { self.ring = ring }

    /// Adds a command and wakes the engine. After ``close()`` commands are dropped.
    ///
    /// - Returns: Whether the command was added.
    @discardableResult
    func post(_ command: PipelineCommand) -> Bool {
        let isAdded = state.withLockedValue { state in
            if state.isClosed { return false }
            // Read under the lock: if a dequeue missed this command, everything that the engine had popped by
            // then lies before this position.
            state.entries.append(Entry(command: command, position: ring.endPosition))
            return true
        }
        if isAdded { ring.wake() }
        return isAdded
    }

    /// Removes and returns the first command that takes effect at or before `position`. Commands are removed
    /// one at a time: if executing one throws, those after it are still here, and ``close()`` replies to
    /// them.
    func dequeue(upTo position: Int64) -> Entry? {
        state.withLockedValue { state in
            guard let index = state.entries.firstIndex(where: { Self.isDue($0, position) }) else {
                return nil
            }
            return state.entries.remove(at: index)
        }
    }

    private static func isDue(_ entry: Entry, _ position: Int64) -> Bool {
        !entry.command.hasPosition || entry.position <= position
    }

    /// Drops the queued commands and all later ones. Callers that wait for a reply get
    /// ``EngineError/stopped``.
    func close() {
        let entries = state.withLockedValue { state in
            defer { state = State(isClosed: true) }
            return state.entries
        }
        for case .replaceVariants(let replacement) in entries.map(\.command) { replacement.complete(nil) }
    }

    /// Blocks until the engine, between two windows, has replaced its variants.
    ///
    /// - Throws: ``EngineError``: the engine has stopped or does not respond; then nothing is replaced.
    func replaceVariants(
        with variants: [Variant], timeoutSeconds: Double = 60
    ) throws(EngineError) -> VariantReplacement.Outcome {
        let replacement = VariantReplacement(variants)
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
            let count = state.entries.count
            state.entries.removeAll {
                if case .replaceVariants(let other) = $0.command { other === replacement } else { false }
            }
            return state.entries.count < count
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

    let variants: [Variant]
    private let outcome = NIOLockedValueBox<Outcome?>(nil)
    private let isDone = DispatchSemaphore(value: 0)

    init(_ variants: [Variant]) { self.variants = variants }

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
