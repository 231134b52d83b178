internal import Capture
import Glibc
import NIOCore

/// Takes the open files that come with a client's bytes (SCM_RIGHTS).
///
/// NIO reads bytes alone, and what comes with them is closed by the kernel. So the files are taken by looking at the bytes just
/// before NIO reads them, and NIO is given room for exactly those that were looked at: a file that arrives in between is in the
/// next look.
///
/// SAFETY: unchecked because it is used on its channel's event loop alone.
final class PassedFiles: RecvByteBufferAllocator, @unchecked Sendable {
    /// What came with one piece of bytes.
    enum Taken: Sendable {
        case none
        case one(OwnedDescriptor)
        /// More than one, or none that this process had room for; they are closed.
        case several
    }

    private let socket: Int32
    /// In the order in which they came: the next request's may be here before this one's is asked for.
    private var waiting: [Taken] = []
    /// More are closed, and refused like several at once.
    private static let mostWaiting = 4
    /// Bytes of one look, and of one read.
    private static let readBytes = 4096

    /// - Parameter socket: The channel's own, as long as that is open.
    init(of socket: Int32) { self.socket = socket }

    /// The oldest that nobody took yet.
    func take() -> Taken { waiting.isEmpty ? .none : waiting.removeFirst() }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        let count = look()
        // A buffer has a power of two of bytes; a slice of it has as many as it is to have.
        var whole = allocator.buffer(capacity: count)
        whole.moveWriterIndex(to: count)
        guard var exact = whole.readSlice(length: count) else { return whole }
        exact.moveWriterIndex(to: 0)
        return exact
    }

    /// True has NIO ask for a new buffer each time, and not use the last one again.
    func record(actualReadBytes: Int) -> Bool { true }

    /// - Returns: How many bytes the next read is to take.
    private func look() -> Int {
        var room = Self.readBytes
        while true {
            let (found, message, control) = peek(room)
            guard found > 0 else { return Self.readBytes }  // The end, or an error: NIO finds it as well.
            let file = file(in: message, control)
            // When the room is full, Linux also shows the files of the bytes right behind it. Then there has to be
            // room for all that came, which ends with the bytes that the files belong to.
            if found == room, file != nil || isCut(message) {
                var waiting: Int32 = 0
                guard ioctl(socket, UInt(FIONREAD), &waiting) == 0 else { return found }
                room = max(room, Int(waiting)) + 1
                continue
            }
            keep(file, isCut: isCut(message))
            return found
        }
    }

    private func peek(_ room: Int) -> (found: Int, msghdr, control: [UInt]) {
        // Room for one descriptor behind the header; the kernel drops others and says so.
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
                    // SAFETY: every pointer is to memory that lives through the call, with its own length.
                    let flags = Int32(MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
                    return recvmsg(socket, &message, flags)
                }
            }
        }
        return (found, message, control)
    }

    private func isCut(_ message: msghdr) -> Bool { message.msg_flags & Int32(MSG_CTRUNC) != 0 }

    private func file(in message: msghdr, _ control: [UInt]) -> OwnedDescriptor? {
        let header = MemoryLayout<cmsghdr>.stride
        guard message.msg_controllen >= header + MemoryLayout<Int32>.size else { return nil }
        return control.withUnsafeBytes { bytes in
            let name = bytes.loadUnaligned(as: cmsghdr.self)
            guard name.cmsg_level == SOL_SOCKET, name.cmsg_type == SCM_RIGHTS else { return nil }
            return OwnedDescriptor(bytes.loadUnaligned(fromByteOffset: header, as: Int32.self))
        }
    }

    private func keep(_ file: OwnedDescriptor?, isCut: Bool) {
        if waiting.count == Self.mostWaiting {
            if isCut || file != nil { waiting[Self.mostWaiting - 1] = .several }
        } else if isCut {
            waiting.append(.several)
        } else if let file {
            waiting.append(.one(file))
        }
    }
}
