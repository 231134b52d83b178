import Glibc
public import Logging

/// Tells systemd how the service is (`sd_notify`): one datagram to the socket in `NOTIFY_SOCKET`.
///
/// Without that variable, that is outside of systemd, every method does nothing. A message that cannot be
/// sent is logged: the daemon works on without its manager.
///
/// Threading: may be used from any thread; sending does not block.
public struct ServiceNotifier: Sendable {
    private let address: String?
    private let logger: Logger

    /// - Parameter address: A path, or `@name` for an abstract socket; nil for nobody to tell.
    public init(address: String? = Self.environment("NOTIFY_SOCKET"), logger: Logger) {
        self.address = address
        self.logger = logger
    }

    /// The service serves; `status` is the line that `systemctl status` shows.
    public func ready(status: String? = nil) {
        send("READY=1" + (status.map { "\nSTATUS=\(Self.oneLine($0))" } ?? ""))
    }

    public func status(_ text: String) { send("STATUS=\(Self.oneLine(text))") }

    public func stopping() { send("STOPPING=1") }

    /// The service is alive; to be told at least every half of ``watchdogSeconds()``.
    public func watchdog() { send("WATCHDOG=1") }

    /// Seconds after which systemd gives up on a silent service; nil when it does not watch this process.
    public static func watchdogSeconds() -> Double? {
        if let pid = environment("WATCHDOG_PID"), pid != String(getpid()) { return nil }
        return environment("WATCHDOG_USEC").flatMap { UInt64($0) }.map { Double($0) / 1e6 }
    }

    /// An environment variable; nil when it is unset or empty.
    public static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    private func send(_ message: String) {
        guard let address else { return }
        guard let destination = UnixAddress(address) else {
            logger.warning("NOTIFY_SOCKET is no socket address", metadata: ["address": "\(address)"])
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
                "systemd was not told", metadata: ["message": "\(message)", "reason": "\(reason)"])
            return
        }
    }
}
