internal import DaemonClient
internal import Logging
internal import SystemSupport
private import TextSupport
internal import Wire

/// Has one daemon carry out commands, in order.
///
/// A daemon that does not answer delays its own commands only; those that do not fit into the queue are
/// refused.
///
/// Threading: ``submit(_:)`` and ``stop()`` on any thread; ``run()`` blocks its own.
final class CommandRunner: Sendable {
    private struct State {
        var queue: [DaemonCommand] = []
        var isStopped = false
    }

    static let maximumQueue = 8
    private static let timeoutSeconds = 10.0

    let daemon: GatewaySettings.Daemon
    private let logger: Logger
    private let state = ConditionLocked(State())

    init(_ daemon: GatewaySettings.Daemon, logger: Logger) {
        self.daemon = daemon
        self.logger = logger
    }

    /// - Returns: Whether there is room.
    func submit(_ command: DaemonCommand) -> Bool {
        state.change { state in
            guard state.queue.count < Self.maximumQueue else { return false }
            state.queue.append(command)
            return true
        }
    }

    func stop() { state.change { $0.isStopped = true } }

    /// Returns after ``stop()``.
    func run() {
        while true {
            let next: DaemonCommand?? = state.wait { state in
                if state.isStopped { return .some(nil) }
                return state.queue.isEmpty ? nil : .some(state.queue.removeFirst())
            }
            guard let command = next.flatMap({ $0 }) else { return }
            carryOut(command)
        }
    }

    private func carryOut(_ command: DaemonCommand) {
        var metadata: Logger.Metadata = ["daemon": "\(daemon.name)", "command": "\(command.text)"]
        do throws(ClientFailure) {
            let client = try ControlClient(path: daemon.controlSocket, timeoutSeconds: Self.timeoutSeconds)
            switch command {
            case .pause(let isPaused): _ = try client.request(isPaused ? .pause : .resume)
            case .adapter(let name):
                _ = try client.request(.adapterUse) { $0.member("names", strings: [name]) }
            }
            logger.notice("carried out a command of the broker", metadata: metadata)
        } catch {
            metadata["reason"] = "\(error.reason)"
            logger.warning("cannot carry out a command of the broker", metadata: metadata)
        }
    }
}
