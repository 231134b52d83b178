public import SystemSupport
import Glibc
public import Logging

/// Notifies systemd of the state of the service (`sd_notify`): one datagram to the socket in `NOTIFY_SOCKET`.
///
/// Without that variable, that is outside systemd, every method does nothing. A failure to send is only
/// logged: the daemon does not depend on its manager.
///
/// Threading: any thread; sending does not block.
public struct ServiceNotifier: Sendable {
    private let address: String?
    private let logger: Logger

    /// - Parameter address: A path, or `@name` for an abstract socket; nil to send nothing.
    public init(address: String? = Environment.process["NOTIFY_SOCKET"], logger: Logger) {
        self.address = address
        self.logger = logger
    }

    /// Reports that the service is ready.
    ///
    /// - Parameter status: The line that `systemctl status` shows.
    public func ready(status: String? = nil) {
        send("READY=1" + (status.map { "\nSTATUS=\(Self.oneLine($0))" } ?? ""))
    }

    public func status(_ text: String) { send("STATUS=\(Self.oneLine(text))") }

    public func stopping() { send("STOPPING=1") }

    /// Reports that the service is alive; send it at least twice per ``watchdogSeconds()``.
    public func watchdog() { send("WATCHDOG=1") }

    /// Seconds without a watchdog notification after which systemd restarts the service; nil when the
    /// watchdog is not enabled for this process.
    public static func watchdogSeconds() -> Double? {
        if let pid = Environment.process["WATCHDOG_PID"], pid != String(getpid()) { return nil }
        return Environment.process["WATCHDOG_USEC"].flatMap { UInt64($0) }.map { Double($0) / 1e6 }
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    private func send(_ message: String) {
        guard let address else { return }
        guard let destination = UnixAddress(pathOrName: address) else {
            logger.warning("NOTIFY_SOCKET is not a socket address", metadata: ["address": "\(address)"])
            return
        }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        defer { if descriptor >= 0 { close(descriptor) } }
        let bytes = Array(message.utf8)
        let sent = destination.withAddress { address, length in
            sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length)
        }
        guard sent == bytes.count else {
            let reason = String(cString: strerror(errno))
            logger.warning(
                "cannot notify systemd", metadata: ["message": "\(message)", "reason": "\(reason)"])
            return
        }
    }
}
