private import Glibc
private import SystemSupport

/// Lines on a Unix socket, with a limit for each wait.
enum ReviewSocket {
    /// Where the gateway of a history takes reviews.
    static func path(of history: String) -> String { history + ".sock" }

    static let maximumLineBytes = 64 << 10

    static func make() -> Int32 {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }

    /// Waits until something can be read or written.
    static func wait(_ descriptor: Int32, for events: Int32, milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }

    /// The first line; nil if it is too long, or does not arrive in time.
    static func line(from descriptor: Int32, within limit: Duration) -> [UInt8]? {
        let deadline = ContinuousClock.now + limit
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while line.count <= maximumLineBytes, .now < deadline {
            guard wait(descriptor, for: POLLIN, milliseconds: 200) else { continue }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { return nil }
            if count < 0 { continue }
            let part = buffer[..<count]
            if let end = part.firstIndex(of: 0x0A) { return line + part[..<end] }
            line += part
        }
        return nil
    }

    /// - Returns: Whether all bytes were written.
    static func send(_ bytes: [UInt8], to descriptor: Int32, within limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        var rest = bytes[...]
        while !rest.isEmpty, .now < deadline {
            // SAFETY: the pointer covers `rest` and does not outlive the call.
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                _ = wait(descriptor, for: POLLOUT, milliseconds: 200)
            } else if errno != EINTR {
                return false
            }
        }
        return rest.isEmpty
    }
}
