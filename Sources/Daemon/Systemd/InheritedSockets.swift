private import SystemSupport
import Glibc

/// The listening sockets that systemd passes to a service (`LISTEN_FDS`), recognised by the names of their
/// files: `astd.sock` and `events.sock`.
public struct InheritedSockets: Sendable {
    let control: ListeningSocket?
    let events: ListeningSocket?

    /// The daemon creates both sockets itself.
    public static let none = InheritedSockets(descriptors: [])

    /// The first descriptor that systemd passes (SD_LISTEN_FDS_START).
    private static let firstDescriptor: Int32 = 3

    /// The sockets passed to this process. Call once, before any file is opened.
    public static func fromEnvironment() -> InheritedSockets {
        let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]
        defer { for variable in variables { unsetenv(variable) } }
        guard Environment.process["LISTEN_PID"] == String(getpid()),
            let count = Environment.process["LISTEN_FDS"].flatMap({ Int32($0) }),
            (1...16).contains(count)
        else { return .none }
        return InheritedSockets(descriptors: Array(firstDescriptor..<firstDescriptor + count))
    }

    /// Takes over the descriptors that are one of the two sockets, and ignores others.
    init(descriptors: [Int32]) {
        var sockets: [String: ListeningSocket] = [:]
        for descriptor in descriptors {
            guard let path = Self.path(of: descriptor) else { continue }
            let name = path.split(separator: "/").last.map { String($0) } ?? ""
            guard name == "astd.sock" || name == "events.sock" else { continue }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            sockets[name] = ListeningSocket(inherited: descriptor, path: path)
        }
        control = sockets["astd.sock"]
        events = sockets["events.sock"]
    }

    /// The path to which a Unix stream socket is bound; nil for any other descriptor.
    private static func path(of descriptor: Int32) -> String? {
        var type: Int32 = 0
        var typeLength = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &typeLength) == 0,
            type == Int32(SOCK_STREAM.rawValue)
        else { return nil }
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        // SAFETY: sockaddr_un begins with the members of sockaddr, and `length` is its size.
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard code == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        // SAFETY: the bytes are read up to the NUL or the end, and copied within the call.
        let bytes = withUnsafeBytes(of: address.sun_path) { Array($0.prefix { $0 != 0 }) }
        return bytes.isEmpty ? nil : PathText.text(bytes)
    }
}
