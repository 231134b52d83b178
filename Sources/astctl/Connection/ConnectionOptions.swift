import DaemonClient
import ArgumentParser

/// The options of every command.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Path of the daemon's socket. Default: $ASTD_SOCKET, or astd.sock in $ASTD_RUNTIME_DIR, or the first \
            existing path of $XDG_RUNTIME_DIR/astd/astd.sock and /run/astd/astd.sock.
            """,
            valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("Maximum wait for an answer.", valueName: "seconds"))
    var timeout = 5.0

    func validate() throws {
        guard timeout > 0, timeout <= 86_400 else {
            throw ValidationError("--timeout must be more than 0 and at most 86400 seconds")
        }
    }

    /// Connects and reads the daemon's hello.
    func connect() throws(ClientFailure) -> ControlClient {
        let location = SocketLocation(named: socket)
        return try ControlClient(path: location.find(), timeoutSeconds: timeout)
    }
}
