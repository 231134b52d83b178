private import Capture
private import NIOConcurrencyHelpers
internal import Wire

/// The pauses that clients have requested, in memory and in the ``PauseFile``.
///
/// Threading: any thread; ``store()`` by one at a time, which may block.
final class PauseRegister: Sendable {
    private struct State {
        var pauses: RequestedPauses
        /// As the file has them; `nil`: unknown.
        var stored: RequestedPauses?
        /// As the file had them at the start.
        let restored: RequestedPauses
        /// Why the file could not be read at the start.
        let problem: String?
    }

    private let file: PauseFile?
    private let state: NIOLockedValueBox<State>

    /// - Parameter directory: The state directory; `nil`: there is none.
    init(directory: String?) {
        file = directory.map(PauseFile.init(directory:))
        switch file?.read() ?? .pauses(RequestedPauses()) {
        case .pauses(let pauses):
            state = NIOLockedValueBox(
                State(pauses: pauses, stored: pauses, restored: pauses, problem: nil))
        case .unreadable(let problem):
            // It may contain a pause: nothing is recorded until someone says so.
            let pauses = RequestedPauses(all: Self.now)
            state = NIOLockedValueBox(
                State(pauses: pauses, stored: nil, restored: pauses, problem: problem))
        }
    }

    private static var now: Timestamp {
        Timestamp(unixNanos: SystemClock.bootNanos + SystemClock.wallOffsetNanos)
    }

    /// Why the file could not be read at the start.
    var problem: String? { state.withLockedValue { $0.problem } }

    /// - Parameter name: Of a source; `nil` for a source without a name.
    func request(of name: String?) -> RequestedPause? {
        state.withLockedValue { state in
            guard let since = state.pauses.since(name) else { return nil }
            let isFromBefore = state.restored.since(name) == since
            return RequestedPause(
                since: since, isFromBefore: isFromBefore, problem: isFromBefore ? state.problem : nil)
        }
    }

    /// - Parameter name: Of one source; `nil`: all.
    func pause(_ name: String?) {
        let now = Self.now
        state.withLockedValue { $0.pauses.pause(name, at: now) }
    }

    /// - Parameters:
    ///   - name: Of one source; `nil`: all.
    ///   - present: The names of all sources.
    func resume(_ name: String?, present: [String]) {
        state.withLockedValue { $0.pauses.resume(name, present: present) }
    }

    /// Writes the file if it differs.
    ///
    /// - Returns: Why a restart would not know what has changed; `nil` on success.
    func store() -> String? {
        let (pauses, stored) = state.withLockedValue { ($0.pauses, $0.stored) }
        if pauses == stored { return nil }
        guard let file else {
            return "no state directory is known: set state_dir, $STATE_DIRECTORY or $HOME"
        }
        let problem = file.write(pauses)
        state.withLockedValue { $0.stored = problem == nil ? pauses : nil }
        return problem
    }
}
