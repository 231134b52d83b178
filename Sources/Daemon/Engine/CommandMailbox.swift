internal import Capture
internal import Settings
private import NIOConcurrencyHelpers

/// What other threads ask of the pipeline of one source.
enum PipelineCommand: Sendable {
    /// The source was paused: classify what was captured so far and end all events.
    case pause
    /// The source was lost: classify what was captured so far, without waiting for the stream to continue.
    case sourceLost
    /// Report a muted microphone after so many seconds of digital silence; 0 for never.
    case setMutedAfter(seconds: Double)
    case setLevel(LevelSettings)

    /// Whether the command takes effect at the position of the stream at which it was posted, and not at
    /// once.
    fileprivate var hasPosition: Bool {
        switch self {
        case .pause, .sourceLost: true
        case .setMutedAfter, .setLevel: false
        }
    }
}

/// The one way in which other threads reach the pipeline of a source.
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
    /// one at a time, each before it is executed.
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

    /// Drops the queued commands and all later ones.
    func close() { state.withLockedValue { $0 = State(isClosed: true) } }
}
