public import Glibc

/// The address of a Unix socket: a path, or a name in Linux's abstract namespace.
public struct UnixAddress: Sendable {
    /// Maximum length of a path in bytes; the address has one more for the terminating NUL.
    public static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    private var address = sockaddr_un()
    private let length: socklen_t

    /// The address of a socket file; nil when the path is empty or longer than ``maximumPathBytes``.
    public init?(path: String) { self.init(PathText.bytes(path), isAbstract: false) }

    /// The address of a socket file or, with a leading `@`, an abstract name; nil when it is empty or longer
    /// than ``maximumPathBytes``.
    public init?(pathOrName text: String) {
        let bytes = PathText.bytes(text)
        self.init(bytes, isAbstract: bytes.first == UInt8(ascii: "@"))
    }

    private init?(_ bytes: [UInt8], isAbstract: Bool) {
        var bytes = bytes
        guard !bytes.isEmpty, bytes.count <= Self.maximumPathBytes, !bytes.contains(0) else { return nil }
        if isAbstract { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: the bytes fit, as checked above; the pointer does not outlive the call.
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // The length of the address delimits an abstract name; a NUL terminates a path.
        let pathOffset = MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: address.sun_path)
        length = socklen_t(pathOffset + bytes.count + (isAbstract ? 0 : 1))
    }

    /// Connects a socket: `connect(2)`, with its result and `errno`.
    public func connect(_ descriptor: Int32) -> Int32 { withAddress { Glibc.connect(descriptor, $0, $1) } }

    /// Binds a socket: `bind(2)`, with its result and `errno`.
    public func bind(_ descriptor: Int32) -> Int32 { withAddress { Glibc.bind(descriptor, $0, $1) } }

    /// Passes the address to a system call.
    public func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        // SAFETY: sockaddr_un begins with the members of sockaddr, `length` stays within it, and the
        // pointer does not outlive the call.
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}
