import Glibc

/// One `sendmsg` with open files in its control data (SCM_RIGHTS).
package func sendWithFiles(_ socket: Int32, _ bytes: [UInt8], _ files: [Int32]) -> Int {
    let header = MemoryLayout<cmsghdr>.stride
    let length = header + files.count * MemoryLayout<Int32>.size
    var control = [UInt8](repeating: 0, count: length + MemoryLayout<Int>.size)
    var name = cmsghdr()
    (name.cmsg_len, name.cmsg_level, name.cmsg_type) = (length, SOL_SOCKET, Int32(SCM_RIGHTS))
    control.withUnsafeMutableBytes { control in
        control.storeBytes(of: name, as: cmsghdr.self)
        for (index, file) in files.enumerated() {
            control.storeBytes(of: file, toByteOffset: header + index * 4, as: Int32.self)
        }
    }
    var bytes = bytes
    // SAFETY: every pointer is to memory that lives through the call, with its own length.
    return bytes.withUnsafeMutableBytes { bytes in
        control.withUnsafeMutableBytes { control in
            var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            return withUnsafeMutablePointer(to: &part) { part in
                var message = msghdr()
                (message.msg_iov, message.msg_iovlen) = (part, 1)
                if !files.isEmpty {
                    (message.msg_control, message.msg_controllen) = (control.baseAddress, length)
                }
                return sendmsg(socket, &message, Int32(MSG_NOSIGNAL))
            }
        }
    }
}
