internal import Capture
import Glibc
import NIOCore

/// Receives the open files that clients pass with their bytes (SCM_RIGHTS).
///
/// NIO reads only bytes; the kernel closes files that come with them. This allocator therefore peeks at the
/// bytes with `recvmsg` just before NIO reads them, takes the files, and gives NIO a buffer of exactly the
/// peeked length. A file that arrives in between belongs to the next peek.
///
/// SAFETY: unchecked because it is used on its channel's event loop only.
final class PassedFiles: RecvByteBufferAllocator, @unchecked Sendable {
    /// The files that came with one piece of bytes.
    enum Received: Sendable {
        case none
        case one(OwnedDescriptor)
        /// More than one, or one for which this process had no free descriptor; all of them are closed.
        case several
    }

    private let socket: Int32
    /// In the order of arrival: the file of the next request may arrive before this request's file is used.
    private var queue: [Received] = []
    /// Further files are closed, and reported as ``Received/several``.
    private static let maximumQueued = 4
    /// Bytes of one peek, and of one read.
    private static let readBytes = 4096

    /// - Parameter socket: The channel's descriptor; must stay open while this object is used.
    init(of socket: Int32) { self.socket = socket }

    /// The oldest file that was not dequeued yet.
    func dequeue() -> Received { queue.isEmpty ? .none : queue.removeFirst() }

    /// Whether the client has sent bytes that were not read yet.
    var hasUnreadBytes: Bool {
        var available: Int32 = 0
        return ioctl(socket, UInt(FIONREAD), &available) == 0 && available > 0
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        let count = receiveFile()
        // NIO rounds the capacity of a buffer up to a power of two; a slice has exactly the requested length.
        var whole = allocator.buffer(capacity: count)
        whole.moveWriterIndex(to: count)
        guard var exact = whole.readSlice(length: count) else { return whole }
        exact.moveWriterIndex(to: 0)
        return exact
    }

    /// Returning true makes NIO request a new buffer for each read.
    func record(actualReadBytes: Int) -> Bool { true }

    /// Queues the file that comes with the next bytes.
    ///
    /// - Returns: The number of bytes that the next read must take.
    private func receiveFile() -> Int {
        var room = Self.readBytes
        while true {
            let (found, message, control) = peek(room)
            guard found > 0 else { return Self.readBytes }  // The end, or an error: NIO meets it too.
            let file = file(in: message, control)
            // When the buffer is full, Linux also returns the files of the bytes right after it. The peek is
            // repeated with room for all available bytes, which end with those that the files belong to.
            if found == room, file != nil || isTruncated(message) {
                var available: Int32 = 0
                guard ioctl(socket, UInt(FIONREAD), &available) == 0 else { return found }
                room = max(room, Int(available)) + 1
                continue
            }
            enqueue(file, isTruncated: isTruncated(message))
            return found
        }
    }

    private func peek(_ room: Int) -> (found: Int, msghdr, control: [UInt]) {
        // Room for one descriptor after the header; the kernel closes further ones and sets MSG_CTRUNC.
        let header = MemoryLayout<cmsghdr>.stride
        var control = [UInt](repeating: 0, count: (header + 8) / MemoryLayout<UInt>.size)
        var message = msghdr()
        let found = withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { bytes in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = header + MemoryLayout<Int32>.size
                    // SAFETY: every pointer is to memory that outlives the call, with its own length.
                    let flags = Int32(MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
                    return recvmsg(socket, &message, flags)
                }
            }
        }
        return (found, message, control)
    }

    private func isTruncated(_ message: msghdr) -> Bool { message.msg_flags & Int32(MSG_CTRUNC) != 0 }

    private func file(in message: msghdr, _ control: [UInt]) -> OwnedDescriptor? {
        let header = MemoryLayout<cmsghdr>.stride
        guard message.msg_controllen >= header + MemoryLayout<Int32>.size else { return nil }
        return control.withUnsafeBytes { bytes in
            let name = bytes.loadUnaligned(as: cmsghdr.self)
            guard name.cmsg_level == SOL_SOCKET, name.cmsg_type == SCM_RIGHTS else { return nil }
            return OwnedDescriptor(bytes.loadUnaligned(fromByteOffset: header, as: Int32.self))
        }
    }

    private func enqueue(_ file: OwnedDescriptor?, isTruncated: Bool) {
        if queue.count == Self.maximumQueued {
            if isTruncated || file != nil { queue[Self.maximumQueued - 1] = .several }
        } else if isTruncated {
            queue.append(.several)
        } else if let file {
            queue.append(.one(file))
        }
    }
}
