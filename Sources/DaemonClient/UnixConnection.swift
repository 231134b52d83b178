private import Glibc
private import SystemSupport

/// A connection to a Unix socket. Every wait has a limit, and a signal ends it early.
final class UnixConnection {
    enum Wait: Equatable {
        case bytes([UInt8])
        case closed
        /// Nothing arrived in time, or a signal ended the wait.
        case nothing
    }

    private let descriptor: Int32

    /// - Throws: ``ClientFailure`` `.badPath`, `.noDaemon`, `.notPermitted` or `.timeout`.
    init(path: String, timeoutSeconds: Double) throws(ClientFailure) {
        guard let address = UnixAddress(path: path) else { throw .badPath(path) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        descriptor = socket(AF_UNIX, type, 0)
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        while true {
            if address.connect(descriptor) == 0 { return }
            switch errno {
            case EAGAIN, EINTR:  // The daemon's backlog is full.
                guard ContinuousClock.now < deadline else {
                    throw .timeout(path: path, seconds: timeoutSeconds, process: nil)
                }
                usleep(10_000)
            case EACCES, EPERM: throw .notPermitted(path: path)
            default: throw .noDaemon(paths: [path])
            }
        }
    }

    deinit {
        close(descriptor)
    }

    /// The process of the daemon, where it is known.
    var peer: PeerProcess? { PeerProcess(of: descriptor) }

    /// Sends a request; false when the daemon has closed the connection.
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            // SAFETY: the pointer covers `rest` and does not outlive the call.
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                _ = wait(POLLOUT, milliseconds: 100)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Sends a request and, with its first byte, an open file (SCM_RIGHTS); false when the daemon has closed
    /// the connection.
    func send(_ bytes: [UInt8], with file: Int32) -> Bool {
        guard let first = bytes.first, send(first, with: file) else { return false }
        return send(Array(bytes.dropFirst()))
    }

    private func send(_ byte: UInt8, with file: Int32) -> Bool {
        let header = MemoryLayout<cmsghdr>.stride
        let length = header + MemoryLayout<Int32>.size
        var control = [UInt8](repeating: 0, count: header + MemoryLayout<Int>.size)
        var name = cmsghdr()
        (name.cmsg_len, name.cmsg_level, name.cmsg_type) = (length, SOL_SOCKET, Int32(SCM_RIGHTS))
        control.withUnsafeMutableBytes {
            $0.storeBytes(of: name, as: cmsghdr.self)
            $0.storeBytes(of: file, toByteOffset: header, as: Int32.self)
        }
        var byte = byte
        while true {
            // SAFETY: every pointer is to memory that outlives the call, with its own length.
            let count = control.withUnsafeMutableBytes { control in
                withUnsafeMutablePointer(to: &byte) { byte in
                    var part = iovec(iov_base: byte, iov_len: 1)
                    return withUnsafeMutablePointer(to: &part) { part in
                        var message = msghdr()
                        message.msg_iov = part
                        message.msg_iovlen = 1
                        message.msg_control = control.baseAddress
                        message.msg_controllen = length
                        return sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                    }
                }
            }
            if count == 1 { return true }
            if errno == EAGAIN {
                _ = wait(POLLOUT, milliseconds: 100)
            } else if errno != EINTR {
                return false
            }
        }
    }

    /// The next bytes that the daemon sends.
    func receive(withinMilliseconds limit: Int) -> Wait {
        guard wait(POLLIN, milliseconds: limit) else { return .nothing }
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { return .bytes(Array(buffer[..<count])) }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? .nothing : .closed
    }

    private func wait(_ events: Int32, milliseconds: Int) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&entry, 1, Int32(clamping: max(0, milliseconds))) > 0
    }
}
