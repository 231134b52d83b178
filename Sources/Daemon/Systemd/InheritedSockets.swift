import Glibc

/// The listening sockets systemd passes to a service that it starts on demand (`LISTEN_FDS`): each is
/// recognised by the name of its file, `astd.sock` or `events.sock`.
public struct InheritedSockets: Sendable {
    let control: ListeningSocket?
    let events: ListeningSocket?

    /// None: the daemon makes its own sockets.
    public static let none = InheritedSockets(descriptors: [])

    /// First descriptor that systemd passes.
    private static let firstDescriptor: Int32 = 3

    /// What was passed to this process; to be called once, before anything else opens a file.
    public static func fromEnvironment() -> InheritedSockets {
        let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]
        defer { for variable in variables { unsetenv(variable) } }
        guard ServiceNotifier.environment("LISTEN_PID") == String(getpid()),
            let count = ServiceNotifier.environment("LISTEN_FDS").flatMap({ Int32($0) }),
            (1...16).contains(count)
        else { return .none }
        return InheritedSockets(descriptors: Array(firstDescriptor..<firstDescriptor + count))
    }

    /// Takes the descriptors that are one of our sockets; others are left alone.
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

    /// The file a Unix stream socket is bound to; nil for any other descriptor.
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
        // SAFETY: read up to its NUL or its end, and copied within the call.
        let bytes = withUnsafeBytes(of: address.sun_path) { Array($0.prefix { $0 != 0 }) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
