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
    /// What came since it was asked for last.
    enum Taken: Sendable {
        case none
        case one(OwnedDescriptor)
        /// More than one, or none that this process had room for; they are closed.
        case several
    }

    private let socket: Int32
    private var taken = Taken.none
    /// Bytes of one look, and of one read.
    private static let readBytes = 4096

    /// - Parameter socket: The channel's own, as long as that is open.
    init(of socket: Int32) { self.socket = socket }

    /// The files since the last call; they are the caller's now.
    func take() -> Taken {
        defer { taken = .none }
        return taken
    }

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
        // Room for one descriptor behind the header; the kernel drops others and says so.
        let header = MemoryLayout<cmsghdr>.stride
        var control = [UInt](repeating: 0, count: (header + 8) / MemoryLayout<UInt>.size)
        var message = msghdr()
        let found = withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 1) { bytes in
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
        guard found > 0 else { return Self.readBytes }  // The end, or an error: NIO finds it as well.
        keep(control, message)
        return found
    }

    private func keep(_ control: [UInt], _ message: msghdr) {
        var file: OwnedDescriptor?
        if message.msg_controllen >= MemoryLayout<cmsghdr>.stride + MemoryLayout<Int32>.size {
            control.withUnsafeBytes { bytes in
                let header = bytes.loadUnaligned(as: cmsghdr.self)
                guard header.cmsg_level == SOL_SOCKET, header.cmsg_type == SCM_RIGHTS else { return }
                file = OwnedDescriptor(
                    bytes.loadUnaligned(fromByteOffset: MemoryLayout<cmsghdr>.stride, as: Int32.self))
            }
        }
        let isCut = message.msg_flags & Int32(MSG_CTRUNC) != 0
        if isCut {
            taken = .several
        } else if let file {
            if case .none = taken { taken = .one(file) } else { taken = .several }
        }
    }
}
