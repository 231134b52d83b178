private import Glibc
private import SystemSupport

/// Writes entries with fields to systemd's journal, by its native protocol: one datagram each.
///
/// Threading: any thread; sending does not block. An entry that the journal does not take at once is dropped.
public final class Journal: Sendable {
    /// A name of upper-case letters, digits and `_`, and any text.
    public typealias Field = (name: String, value: String)

    private let address: UnixAddress
    private let descriptor: Int32

    /// - Parameter path: The journal's socket.
    /// - Returns: nil when there cannot be a socket of this path.
    public init?(path: String = "/run/systemd/journal/socket") {
        guard let address = UnixAddress(path: path) else { return nil }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return nil }
        self.address = address
    }

    deinit { close(descriptor) }

    /// The journal, if this process is a service whose messages go there.
    public static var connected: Journal? { JournalLogHandler.isConnected ? Journal() : nil }

    public func send(_ fields: [Field]) {
        let bytes = Self.encoded(fields)
        _ = address.withAddress { address, length in
            sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length)
        }
    }

    /// `NAME=value` and a line break; a value of several lines follows its name and its length instead.
    static func encoded(_ fields: [Field]) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in fields {
            bytes += field.name.utf8
            if field.value.utf8.contains(0x0A) {
                bytes.append(0x0A)
                let count = UInt64(field.value.utf8.count)
                for shift in stride(from: 0, to: 64, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: count >> UInt64(shift)))
                }
            } else {
                bytes.append(UInt8(ascii: "="))
            }
            bytes += field.value.utf8
            bytes.append(0x0A)
        }
        return bytes
    }
}
